// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/stream_tail.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/change/message.h"
#include "core/change/position.h"
#include "nats/jetstream/api_call.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/jetstream_error.h"
#include "nats/jetstream/message_lookup.h"
#include "nats/jetstream/read_back.h"
#include "nats/jetstream/stream_api.h"
#include "core/route/subject_set.h"

namespace fraiseql::nats {

namespace {

// Most often the last message of ours is near the end, but others may have written behind it.
constexpr uint64_t kFirstStep = 500;
constexpr uint64_t kLargestStep = 100000;
constexpr uint64_t kMostOneByOne = 256;

struct Bounds {
  uint64_t first = 0;
  uint64_t last = 0;
  bool replicated = false;
};

bool Takes(const Json& config, const std::string& subject) {
  const auto subjects = config.find("subjects");
  if (subjects == config.end() || !subjects->is_array()) return false;
  return std::any_of(subjects->begin(), subjects->end(), [&](const Json& wide) {
    return wide.is_string() && Covers(wide.get<std::string>(), subject);
  });
}

// True if the message is one of those that are looked for.
bool Take(const std::optional<StoredMessage>& message, const TailQuery& query, StreamTail* tail) {
  Position position;
  if (!message ||
      !ReadBack::IsOf(query.origin, FindHeader(message->headers, "Nats-Msg-Id"),
                      FindHeader(message->headers, "Fraiseql-Origin")) ||
      !ParsePosition(FindHeader(message->headers, "Fraiseql-Position"), &position)) {
    return false;
  }
  tail->newest_lsn = std::max(tail->newest_lsn, position.commit_lsn);
  tail->sequence = message->sequence;
  return true;
}

// Goes back from the end to `begin` or the first of them, with a round trip for each message.
Status LookOneByOne(JetStreamClient* js, const TailQuery& query, uint64_t last, uint64_t begin,
                    StreamTail* tail) {
  std::optional<StoredMessage> message;
  for (uint64_t sequence = last; sequence >= begin && sequence > 0; --sequence) {
    Status status = GetMessage(js, query.stream, sequence, &message);
    if (!status.ok() || Take(message, query, tail)) return status;
  }
  return Status::Ok();
}

// Goes back from the end to what is before `begin`, or to the first step that has one of them.
Status LookBack(JetStreamClient* js, const TailQuery& query, const Bounds& bounds, uint64_t begin,
                StreamTail* tail) {
  uint64_t step = kFirstStep;
  for (uint64_t end = bounds.last; end >= begin && end > 0;
       step = std::min(step * 8, kLargestStep)) {
    const uint64_t behind = std::max(begin - 1, end - std::min(end, step));
    ReadBack reader;
    Status status =
        js->Read({query.stream, query.origin, behind, end, 0, bounds.replicated, {}}, &reader);
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
  const ApiAnswer info =
      CallApi(js, "STREAM.INFO." + query.stream, nullptr, StreamNamed(query.stream));
  if (info.err_code == kStreamNotFound) return Status::Ok();
  if (!info.status.ok()) return info.status;
  const std::string created = TextAt(info.body, "created");
  if (IsBeingMade(created)) return Status::Ok();  // there is nothing in it
  const Json config = ObjectAt(info.body, "config");
  tail->takes_subject = Takes(config, query.asked_subject);
  const Json state = ObjectAt(info.body, "state");
  if (CountAt(state, "messages") == 0) return Status::Ok();
  const Bounds bounds = {CountAt(state, "first_seq"), CountAt(state, "last_seq"),
                         SmallIntegerAt(config, "num_replicas") > 1};

  std::optional<StoredMessage> likely;
  Status status = GetLastMessage(js, query.stream, query.likely, &likely);
  if (!status.ok()) return status;
  (void)Take(likely, query, tail);
  uint64_t begin = std::max({uint64_t{1}, bounds.first, tail->sequence + 1});
  // A consumer for looking would take what others are to consume.
  if (TextAt(config, "retention") != "limits") {
    begin = std::max(begin, bounds.last - std::min(bounds.last, kMostOneByOne));
    return LookOneByOne(js, query, bounds.last, begin, tail);
  }
  if (query.mark.stream == created && !query.mark.nothing_stored()) {
    begin = std::max(begin, query.mark.sequence + 1);
  } else if (bounds.last >= query.limit && begin < bounds.last - query.limit + 1) {
    begin = bounds.last - query.limit + 1;
    tail->cut_short = true;
  }
  return LookBack(js, query, bounds, begin, tail);
}

}  // namespace fraiseql::nats
