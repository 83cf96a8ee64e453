// SPDX-License-Identifier: PostgreSQL
#include "nats/stream_tail.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/message.h"
#include "nats/api_call.h"
#include "nats/jetstream_client.h"
#include "nats/jetstream_error.h"
#include "nats/message_lookup.h"
#include "nats/stream_api.h"
#include "nats/subject_set.h"

namespace fraiseql::nats {

namespace {

// Foreign messages may stand behind the last one of ours; each costs a round trip.
constexpr uint64_t kMostLookedAt = 256;
constexpr size_t kLsnDigits = 16;

// The commit LSN in a Nats-Msg-Id behind `prefix`; 0 for any other id.
uint64_t LsnOf(const StoredMessage& message, const std::string& prefix) {
  const std::string_view id = FindHeader(message.headers, "Nats-Msg-Id");
  if (id.size() <= prefix.size() + kLsnDigits || id.substr(0, prefix.size()) != prefix ||
      id[prefix.size() + kLsnDigits] != '.') {
    return 0;
  }
  uint64_t lsn = 0;
  for (const char c : id.substr(prefix.size(), kLsnDigits)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'A' && c <= 'F')) return 0;
    lsn = lsn << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'A' + 10);
  }
  return lsn;
}

// True if the message is one of those that are looked for.
bool Take(const std::optional<StoredMessage>& message, const std::string& prefix,
          StreamTail* tail) {
  const uint64_t lsn = message ? LsnOf(*message, prefix) : 0;
  if (lsn > tail->newest_lsn) {
    tail->newest_lsn = lsn;
    tail->sequence = message->sequence;
  }
  return lsn != 0;
}

bool Takes(const Json& config, const std::string& subject) {
  const auto subjects = config.find("subjects");
  if (subjects == config.end() || !subjects->is_array()) return false;
  return std::any_of(subjects->begin(), subjects->end(), [&](const Json& wide) {
    return wide.is_string() && Covers(wide.get<std::string>(), subject);
  });
}

}  // namespace

Status LookAtTail(JetStreamClient* js, const TailQuery& query, StreamTail* tail) {
  *tail = {};
  const ApiAnswer info =
      CallApi(js, "STREAM.INFO." + query.stream, nullptr, StreamNamed(query.stream));
  if (info.err_code == kStreamNotFound) return Status::Ok();
  if (!info.status.ok()) return info.status;
  if (IsBeingMade(TextAt(info.body, "created"))) return Status::Ok();  // there is nothing in it
  tail->takes_subject = Takes(ObjectAt(info.body, "config"), query.asked_subject);
  const Json state = ObjectAt(info.body, "state");
  const uint64_t first = CountAt(state, "first_seq");
  const uint64_t last = CountAt(state, "last_seq");

  std::optional<StoredMessage> message;
  Status status = GetLastMessage(js, query.stream, query.likely, &message);
  if (!status.ok()) return status;
  uint64_t end = std::max(first, last - std::min(last, kMostLookedAt));
  if (Take(message, query.id_prefix, tail)) end = std::max(end, message->sequence + 1);
  for (uint64_t sequence = last; sequence >= end && sequence > 0; --sequence) {
    status = GetMessage(js, query.stream, sequence, &message);
    if (!status.ok()) return status;
    if (Take(message, query.id_prefix, tail)) break;
  }
  return Status::Ok();
}

}  // namespace fraiseql::nats
