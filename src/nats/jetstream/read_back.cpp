// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/read_back.h"

#include <algorithm>
#include <utility>

#include "core/base/foreign_text.h"
#include "core/change/position.h"
#include "nats/jetstream/delivery_origin.h"
#include "nats/base/names.h"
#include "nats/base/server_json.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/stored_message.h"

namespace fraiseql::nats {

namespace {

constexpr uint64_t kBatch = 1000;
constexpr int64_t kSecondNs = 1000000000;
constexpr int kMostSilences = 10;  // of a second each

// Whether `id` is "<origin>.<rest>".
bool BeginsWith(std::string_view id, std::string_view origin) {
  return id.size() > origin.size() && id[origin.size()] == '.' &&
         id.substr(0, origin.size()) == origin;
}

}  // namespace

ReadBack::Request ReadBack::Begin(Range range) {
  range_ = std::move(range);
  consumer_.clear();
  done_ = saw_foreign_ = must_ask_leader_ = false;
  silences_ = 0;
  known_ = 0;
  delivered_ = range_.behind;
  contents_ = {};
  const Json body = {
      {"stream_name", range_.stream},
      {"config",
       {{"description", "fraiseql_nats looks for what it has stored"},
        {"deliver_policy", "by_start_sequence"},
        {"opt_start_seq", range_.behind + 1},
        {"ack_policy", "none"},
        {"replay_policy", "instant"},
        {"headers_only", true},
        {"mem_storage", true},
        {"num_replicas", 1},
        {"inactive_threshold", 30 * kSecondNs}}},
  };
  return {"CONSUMER.CREATE." + range_.stream, ToText(body)};
}

Status ReadBack::OnCreated(const ApiAnswer& answer) {
  const Status& status = answer.status;
  if (!status.ok()) {
    return {status.code(), status.message() + ", while creating a consumer to read what is stored",
            status.hint()};
  }
  const auto pending = answer.body.find("num_pending");
  consumer_ = TextAt(answer.body, "name");
  if (!CheckName("consumer", consumer_).ok()) {
    return Status::Unavailable("JetStream's answer names no consumer");
  }
  if (!range_.replicated && pending != answer.body.end() && *pending == 0) End();
  return Status::Ok();
}

// Records that the stream holds nothing from `first` to `last`.
void ReadBack::LetGo(uint64_t first, uint64_t last) {
  for (; known_ < range_.known.size() && range_.known[known_].first <= last; ++known_) {
    const StoredPlaces& known = range_.known[known_];
    if (known.last < first) continue;
    contents_.LetGo(std::max(known.first, first) - first);
    contents_.LetGo(known.position);
    first = known.last + 1;
    if (known.last > last) break;  // it continues after the messages that the stream holds
  }
  if (first <= last) contents_.LetGo(last - first + 1);
}

// The stream holds no message of the rest of the range: they have been removed.
void ReadBack::End() {
  if (delivered_ < range_.end) LetGo(delivered_ + 1, range_.end);
  delivered_ = std::max(delivered_, range_.end);
  done_ = true;
}

ReadBack::Request ReadBack::Next() {
  outstanding_ = kBatch;
  // A replica may lag behind the stream's leader for a moment, so the request waits for more
  // messages.
  const Json body = range_.replicated ? Json{{"batch", kBatch}, {"expires", kSecondNs}}
                                      : Json{{"batch", kBatch}, {"no_wait", true}};
  return {"CONSUMER.MSG.NEXT." + range_.stream + "." + consumer_, ToText(body)};
}

Status ReadBack::OnDelivery(const Connection& connection, const Connection::Delivery& delivered,
                            bool* used_up) {
  *used_up = false;
  if (delivered.reply.empty()) return OnStatusMessage(connection, used_up);
  DeliveryOrigin origin;
  if (!ParseDeliveryOrigin(delivered.reply, &origin) || origin.consumer != consumer_) {
    return Status::Ok();  // of an abandoned attempt
  }
  if (origin.sequence <= delivered_) {
    return Status::Unavailable(StreamNamed(range_.stream) + " is not delivered in its order");
  }
  silences_ = 0;
  LetGo(delivered_ + 1, std::min(origin.sequence - 1, range_.end));
  delivered_ = origin.sequence;
  if (origin.sequence <= range_.end) Look(connection);
  if (origin.sequence >= range_.end || (!range_.replicated && origin.pending == 0)) End();
  *used_up = done_ || --outstanding_ == 0;
  return Status::Ok();
}

bool ReadBack::IsOf(std::string_view origin, std::string_view message_id,
                    std::string_view named_origin) {
  return BeginsWith(message_id, origin) || named_origin == origin;
}

// Whether the delivered message expects the one before it (see Chain), or was sent in a batch.  In
// a replicated stream the expectation may be by sequence only, which does not count: it also holds
// if another publisher's message has taken the sequence of ours.
bool ReadBack::IsTied(const Connection& connection, bool has_nats_id) const {
  if (!has_nats_id || !connection.DeliveredHeader("Fraiseql-Batch").empty()) return true;
  return !connection.DeliveredHeader("Nats-Expected-Last-Msg-Id").empty() ||
         (!range_.replicated && !connection.DeliveredHeader("Nats-Expected-Last-Sequence").empty());
}

void ReadBack::Look(const Connection& connection) {
  const std::string_view nats_id = connection.DeliveredHeader("Nats-Msg-Id");
  const std::string_view id = nats_id.empty() ? connection.DeliveredHeader("Fraiseql-Id") : nats_id;
  const bool ours = IsOf(range_.origin, id, connection.DeliveredHeader("Fraiseql-Origin"));
  Position position;
  if (!ours || !ParsePosition(connection.DeliveredHeader("Fraiseql-Position"), &position)) {
    saw_foreign_ = true;
  } else if (position.commit_lsn >= range_.settled_lsn) {
    contents_.Found(position, IsTied(connection, !nats_id.empty()));
  }
}

ReadBack::Request ReadBack::AskLeader() const {
  return {"STREAM.MSG.GET." + range_.stream,
          ToText(Json{{"seq", delivered_ + 1}, {"next_by_subj", ">"}})};
}

Status ReadBack::OnLeader(const ApiAnswer& answer) {
  must_ask_leader_ = false;
  const std::string what = StreamNamed(range_.stream);
  std::optional<StoredMessage> next;
  const Status status = ReadMessage(answer, what, &next);
  if (!status.ok()) return status;
  if (!next || next->sequence > range_.end) {
    End();
    return status;
  }
  if (++silences_ < kMostSilences) return Status::Ok();
  return Status::Unavailable("a replica of " + what + " is behind its leader",
                             "See whether all servers of the NATS cluster run and are connected.");
}

// A status message about the request: no (more) messages (404, 408), or a failure of the consumer.
Status ReadBack::OnStatusMessage(const Connection& connection, bool* used_up) {
  const std::string_view code = connection.DeliveredHeader("Status");
  // A late answer to another request, or an idle heartbeat.
  if (code.empty() || code == "100") return Status::Ok();
  *used_up = true;
  if (code == "404" || code == "408") {
    if (range_.replicated) {
      must_ask_leader_ = true;
    } else {
      End();
    }
    return Status::Ok();
  }
  return Status::Unavailable("cannot read what " + StreamNamed(range_.stream) +
                             " holds: " + ForeignText(code) + " " +
                             ForeignText(connection.DeliveredHeader("Description")));
}

ReadBack::Request ReadBack::Finish() const {
  return {"CONSUMER.DELETE." + range_.stream + "." + consumer_, ""};
}

}  // namespace fraiseql::nats
