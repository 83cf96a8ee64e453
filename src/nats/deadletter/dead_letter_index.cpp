// SPDX-License-Identifier: PostgreSQL
#include "nats/deadletter/dead_letter_index.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/change/message.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/message_lookup.h"
#include "nats/manage/stream_management.h"

namespace fraiseql::nats {

namespace {
constexpr size_t kMaxIds = 50000;  // some 10 MB
}

DeadLetterIndex::DeadLetterIndex(JetStreamClient* js, std::string stream, std::string subject)
    : js_(js), stream_(std::move(stream)), subject_(std::move(subject)) {}

Status DeadLetterIndex::Cover(int64_t time_ns) {
  const int64_t since_ns = time_ns - kClockMarginNs;
  if (max_ids_ > 0 && since_ns >= covered_since_ns_ && ids_.size() < max_ids_) return Status::Ok();
  uint64_t first = 0;
  Status status = FindFirst(since_ns, &first);
  if (!status.ok()) return status;
  ids_.clear();
  read_up_to_ = first - 1;
  status = ReadOn();
  if (!status.ok()) return status;
  covered_since_ns_ = since_ns;
  max_ids_ = std::max(kMaxIds, 2 * ids_.size());  // so that not every letter causes a new read
  return status;
}

Status DeadLetterIndex::ReadOn() {
  std::optional<StoredMessage> last;
  Status status = GetLastMessage(js_, stream_, subject_, &last);
  if (!status.ok()) return status;
  // The server refuses a letter if a message is stored after this one.
  last_sequence_ = last ? last->sequence : 0;
  for (;;) {
    std::optional<StoredMessage> next;
    status = GetNextMessage(js_, stream_, read_up_to_ + 1, subject_, &next);
    if (!status.ok() || !next) return status;
    ids_.emplace(FindHeader(next->headers, "Nats-Msg-Id"));
    read_up_to_ = next->sequence;
  }
}

void DeadLetterIndex::Add(const std::string& id, uint64_t sequence) {
  ids_.insert(id);
  if (sequence != 0) read_up_to_ = last_sequence_ = sequence;
}

// Finds the first message of any subject stored since `time_ns`, or the sequence of the next one.
Status DeadLetterIndex::FindFirst(int64_t time_ns, uint64_t* sequence) {
  StreamInfo info;
  Status status = GetStreamInfo(js_, stream_, &info);
  uint64_t low = std::max<uint64_t>(1, info.first_sequence);
  uint64_t high = std::max(low, info.last_sequence + 1);
  while (status.ok() && low < high) {
    const uint64_t middle = low + (high - low) / 2;
    std::optional<StoredMessage> found;
    status = GetNextMessage(js_, stream_, middle, ">", &found);
    if (!found || found->time_ns >= time_ns) {
      high = middle;
    } else {
      low = found->sequence + 1;
    }
  }
  *sequence = low;
  return status;
}

}  // namespace fraiseql::nats
