// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/stream_tail.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/change/message.h"
#include "core/change/position.h"
#include "nats/base/names.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/jetstream_error.h"
#include "nats/jetstream/message_lookup.h"
#include "nats/jetstream/read_back.h"
#include "nats/jetstream/stream_api.h"
#include "core/route/subject_set.h"

namespace fraiseql::nats {

namespace {

// Usually our last message is near the end, but other publishers may have written after it.
constexpr uint64_t kFirstStep = 500;
constexpr uint64_t kLargestStep = 100000;
constexpr uint64_t kMostOneByOne = 256;

// Records the message and returns true if it is one of the wanted ones.
bool Take(const std::optional<StoredMessage>& message, const TailQuery& query, StreamTail* tail) {
  Position position;
  if (!message ||
      !ReadBack::IsOf(query.origin, MessageIdOf(message->headers),
                      FindHeader(message->headers, "Fraiseql-Origin")) ||
      !ParsePosition(FindHeader(message->headers, "Fraiseql-Position"), &position)) {
    return false;
  }
  tail->newest_lsn = std::max(tail->newest_lsn, position.commit_lsn);
  tail->sequence = message->sequence;
  return true;
}

// Reads backwards from the end to `begin` or the first wanted message, with a round trip for each.
Status LookOneByOne(JetStreamClient* js, const TailQuery& query, uint64_t last, uint64_t begin,
                    StreamTail* tail) {
  std::optional<StoredMessage> message;
  for (uint64_t sequence = last; sequence >= begin && sequence > 0; --sequence) {
    Status status = GetMessage(js, query.stream, sequence, &message);
    if (!status.ok() || Take(message, query, tail)) return status;
  }
  return Status::Ok();
}

// Reads backwards from the end to `begin`, or to the first step that has a wanted message.
Status LookBack(JetStreamClient* js, const TailQuery& query, const StreamInfo& info, uint64_t begin,
                StreamTail* tail) {
  uint64_t step = kFirstStep;
  for (uint64_t end = info.last_sequence; end >= begin && end > 0;
       step = std::min(step * 8, kLargestStep)) {
    const uint64_t behind = std::max(begin - 1, end - std::min(end, step));
    ReadBack reader;
    Status status =
        js->Read({query.stream, query.origin, behind, end, 0, info.replicated(), {}}, &reader);
    if (!status.ok()) return status;
    const StreamContents contents = reader.TakeContents();
    if (contents.holds_any() && contents.newest().commit_lsn >= tail->newest_lsn) {
      tail->newest_lsn = contents.newest().commit_lsn;
      tail->sequence = end;
    }
    if (contents.holds_any()) {
      tail->cut_short = false;
      return status;
    }
    end = behind;
  }
  return Status::Ok();
}

}  // namespace

Status LookAtTail(JetStreamClient* js, const TailQuery& query, StreamTail* tail) {
  *tail = {};
  const auto takes = [&](const std::vector<std::string>& subjects) {
    return std::any_of(subjects.begin(), subjects.end(),
                       [&](const std::string& wide) { return Covers(wide, query.asked_subject); });
  };
  tail->takes_subject = takes(query.wanted_subjects);
  const std::string what = StreamNamed(query.stream);
  const ApiAnswer answer = js->Call("STREAM.INFO." + query.stream, what);
  if (answer.err_code == kStreamNotFound) return Status::Ok();
  if (!answer.status.ok()) return answer.status;
  StreamInfo info;
  Status status = ReadStreamInfo(answer.body, what, &info);
  if (!status.ok() || IsBeingMade(info.created)) return status;  // it is empty
  tail->takes_subject = takes(info.config.subjects);
  if (info.messages == 0) return status;

  const uint64_t last = info.last_sequence;
  std::optional<StoredMessage> likely;
  status = GetLastMessage(js, query.stream, query.likely, &likely);
  if (!status.ok()) return status;
  (void)Take(likely, query, tail);
  uint64_t begin = std::max({uint64_t{1}, info.first_sequence, tail->sequence + 1});
  // A consumer of ours would consume messages that are for other consumers.
  if (!info.keeps_consumed()) {
    begin = std::max(begin, last - std::min(last, kMostOneByOne));
    return LookOneByOne(js, query, last, begin, tail);
  }
  if (query.mark.stream == info.created && !query.mark.nothing_stored()) {
    begin = std::max(begin, query.mark.sequence + 1);
  } else if (last >= query.limit && begin < last - query.limit + 1) {
    begin = last - query.limit + 1;
    tail->cut_short = true;
  }
  return LookBack(js, query, info, begin, tail);
}

}  // namespace fraiseql::nats
