// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/window.h"

#include <algorithm>
#include <cassert>

namespace fraiseql {

namespace {
// Buffers above this size are freed when their message is stored, so that a burst of large messages
// does not stay in memory as the capacity of every slot.
constexpr size_t kKeptCapacity = 4096;

void Recycle(std::string* buffer) {
  if (buffer->capacity() > kKeptCapacity) {
    std::string().swap(*buffer);
  } else {
    buffer->clear();
  }
}
}  // namespace

Window::Window(size_t messages, size_t bytes)
    : max_bytes_(bytes), entries_(messages), ends_(messages + 1) {
  assert(messages > 0);
}

bool Window::HasRoom() const {
  return size() < entries_.size() && (empty() || bytes_ < max_bytes_);
}

Message* Window::Add() {
  assert(HasRoom());
  Entry& slot = entry(end_);
  slot.message.Clear();
  slot.acked = false;
  slot.overtaken = false;
  slot.refused = slot.sent_again = false;
  slot.in_stream = false;
  slot.stream_sequence = 0;
  slot.behind = kUnsent;
  return &slot.message;
}

void Window::Seal() {
  bytes_ += entry(end_).message.size();
  ++end_;
}

void Window::EndTransaction(uint64_t end_lsn) {
  assert(end_lsn >= settled_lsn_);
  if (ends_first_ != ends_end_ && ends_[(ends_end_ - 1) % ends_.size()].after == end_) {
    // There is no message since the last end: both are settled at the same moment.
    ends_[(ends_end_ - 1) % ends_.size()].lsn = end_lsn;
  } else {
    assert(ends_end_ - ends_first_ < ends_.size());
    ends_[ends_end_++ % ends_.size()] = {end_, end_lsn};
  }
  Settle();
}

const Message* Window::NextToSend(uint64_t* sequence) {
  while (next_ < end_ && entry(next_).acked) ++next_;
  if (next_ == end_) return nullptr;
  *sequence = next_;
  return &entry(next_).message;
}

void Window::Sent(uint64_t sequence, uint64_t behind) {
  assert(sequence == next_ && next_ < end_);
  entry(sequence).sent_again = entry(sequence).behind != kUnsent;
  entry(sequence).behind = std::min(entry(sequence).behind, behind);
  entry(sequence).refused = false;
  ++next_;
}

void Window::Refused(uint64_t sequence) {
  if (IsOpen(sequence)) entry(sequence).refused = !entry(sequence).sent_again;
}

bool Window::Ack(uint64_t sequence, uint64_t stream_sequence, AckKind kind, PublishStats* stats) {
  if (!IsOpen(sequence)) return false;
  Entry& acked = entry(sequence);
  if (stats != nullptr) stats->Acked(acked.message);
  acked.acked = true;
  acked.stream_sequence = stream_sequence;
  acked.in_stream = kind == AckKind::kStored && stream_sequence > 0;
  // It is at its earlier place, which may be before the end that was checked.
  if (kind == AckKind::kDuplicate && stream_sequence > 0) {
    acked.behind = std::min(acked.behind, stream_sequence - 1);
  }
  // The place of a dead letter, or of a message found in the stream, is not known.
  if (stream_sequence != 0) highest_acked_ = std::max(highest_acked_, sequence);
  Settle();
  return true;
}

uint64_t Window::AckThrough(uint64_t sequence, uint64_t stream_sequence, PublishStats* stats) {
  if (sequence < first_ || sequence >= end_) return 0;
  uint64_t acked = 0;
  for (uint64_t i = first_; i <= sequence; ++i) {
    if (entry(i).acked) continue;
    entry(i).acked = true;
    if (stats != nullptr) stats->Acked(entry(i).message);
    if (i == sequence) {
      entry(i).stream_sequence = stream_sequence;
      entry(i).in_stream = stream_sequence > 0;
    }
    ++acked;
  }
  highest_acked_ = std::max(highest_acked_, sequence);
  Settle();
  return acked;
}

void Window::LookedThrough(const StreamContents& found, uint64_t stream_end) {
  if (found.most_unknown() > 0) return;
  for (uint64_t i = first_; i < end_; ++i) {
    Entry& sent = entry(i);
    if (sent.acked || sent.behind == kUnsent || found.Holds(sent.message.position)) continue;
    sent.behind = stream_end;
  }
}

std::vector<StoredPlaces> Window::PlacesBehind(uint64_t mark) {
  settled_places_.ForgetUpTo(mark);
  std::vector<StoredPlaces> places;
  for (const PlaceSet::Range& range : settled_places_.ranges()) {
    places.push_back({range.first, range.last, {}});
  }
  for (uint64_t i = first_; i < end_; ++i) {
    const Entry& acked = entry(i);
    const uint64_t place = acked.stream_sequence;
    if (acked.in_stream) places.push_back({place, place, acked.message.position});
  }
  std::sort(places.begin(), places.end(),
            [](const StoredPlaces& a, const StoredPlaces& b) { return a.first < b.first; });
  return places;
}

void Window::ForgetPlaces() {
  settled_places_ = {};
  for (uint64_t i = first_; i < end_; ++i) {
    entry(i).in_stream = false;
    if (entry(i).behind != kUnsent) entry(i).behind = 0;
  }
  if (settled_behind_ != kUnsent) settled_behind_ = 0;
}

uint64_t Window::StoredBehind(uint64_t unsent) const {
  uint64_t behind = std::min(unsent, settled_behind_);
  for (uint64_t i = first_; i < end_; ++i) {
    behind = std::min(behind, entries_[i % entries_.size()].behind);
  }
  return behind;
}

void Window::Settle() {
  SettleTransactions();
  while (first_ < end_ && entry(first_).acked) {
    Entry& oldest = entry(first_);
    settled_through_ = oldest.message.position;
    CheckOrder(oldest);
    if (oldest.in_stream) settled_places_.Add(oldest.stream_sequence);
    settled_behind_ = std::min(settled_behind_, oldest.behind);
    bytes_ -= oldest.message.size();
    Recycle(&oldest.message.subject);
    Recycle(&oldest.message.headers);
    Recycle(&oldest.message.payload);
    ++first_;
    SettleTransactions();
  }
  if (next_ < first_) next_ = first_;
  if (settled_places_.IsLarge()) settled_places_.ForgetUpTo(StoredBehind(UINT64_MAX));
}

void Window::SettleTransactions() {
  while (ends_first_ != ends_end_ && ends_[ends_first_ % ends_.size()].after == first_) {
    settled_lsn_ = ends_[ends_first_++ % ends_.size()].lsn;
    settled_behind_ = kUnsent;
  }
}

void Window::Overtaken(uint64_t sequence) {
  if (entry(sequence).overtaken) return;
  entry(sequence).overtaken = true;
  ++order_breaks_;
}

void Window::CheckOrder(const Entry& settled) {
  if (settled.stream_sequence == 0 || settled.overtaken) return;
  if (settled.stream_sequence < last_stream_sequence_) ++order_breaks_;
  last_stream_sequence_ = settled.stream_sequence;
}

}  // namespace fraiseql
