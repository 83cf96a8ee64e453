// SPDX-License-Identifier: PostgreSQL
#include "core/window.h"

#include <cassert>

namespace fraiseql {

namespace {
// Buffers above this size are given back when their message is stored, so that a burst of large
// messages does not stay in memory as the capacity of every slot.
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
  return &slot.message;
}

void Window::Seal() {
  bytes_ += entry(end_).message.size();
  ++end_;
}

void Window::EndTransaction(uint64_t end_lsn) {
  assert(end_lsn >= settled_lsn_);
  if (ends_first_ != ends_end_ && ends_[(ends_end_ - 1) % ends_.size()].after == end_) {
    // No message since the last end: both are settled at the same moment.
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

void Window::Sent([[maybe_unused]] uint64_t sequence) {
  assert(sequence == next_ && next_ < end_);
  ++next_;
}

bool Window::Ack(uint64_t sequence, uint64_t stream_sequence) {
  if (!IsOpen(sequence)) return false;
  entry(sequence).acked = true;
  entry(sequence).stream_sequence = stream_sequence;
  Settle();
  return true;
}

void Window::Settle() {
  while (first_ < end_ && entry(first_).acked) {
    CheckOrder(entry(first_).stream_sequence);
    Message& message = entry(first_).message;
    bytes_ -= message.size();
    Recycle(&message.subject);
    Recycle(&message.headers);
    Recycle(&message.payload);
    ++first_;
  }
  if (next_ < first_) next_ = first_;
  while (ends_first_ != ends_end_ && ends_[ends_first_ % ends_.size()].after <= first_) {
    settled_lsn_ = ends_[ends_first_++ % ends_.size()].lsn;
  }
}

void Window::CheckOrder(uint64_t stream_sequence) {
  if (stream_sequence == 0) return;
  if (stream_sequence < last_stream_sequence_) ++order_breaks_;
  last_stream_sequence_ = stream_sequence;
}

}  // namespace fraiseql
