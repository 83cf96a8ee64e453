// SPDX-License-Identifier: PostgreSQL
#include "nats/read_back.h"

#include <algorithm>
#include <utility>

#include "core/foreign_text.h"
#include "core/position.h"
#include "nats/delivery_origin.h"
#include "nats/names.h"
#include "nats/server_json.h"
#include "nats/stream_api.h"

namespace fraiseql::nats {

namespace {

constexpr uint64_t kBatch = 1000;
constexpr int64_t kSecondNs = 1000000000;

// "<origin>.<rest>"?
bool BeginsWith(std::string_view id, std::string_view origin) {
  return id.size() > origin.size() && id[origin.size()] == '.' &&
         id.substr(0, origin.size()) == origin;
}

}  // namespace

ReadBack::Request ReadBack::Begin(Range range) {
  range_ = std::move(range);
  consumer_.clear();
  done_ = saw_foreign_ = false;
  delivered_ = range_.behind;
  found_.Clear();
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
  return {"CONSUMER.CREATE." + range_.stream, body.dump()};
}

Status ReadBack::OnCreated(std::string_view answer) {
  const ApiReply reply = ParseApiReply(answer, "stream \"" + range_.stream + "\"");
  if (!reply.status.ok()) {
    return {reply.status.code(),
            reply.status.message() + ", when a consumer was to be made to look for what is stored",
            reply.status.hint()};
  }
  const Json info = ParseObject(answer);
  const auto pending = info.find("num_pending");
  consumer_ = TextAt(info, "name");
  if (!CheckName("consumer", consumer_).ok()) {
    return Status::Unavailable("JetStream's answer names no consumer");
  }
  done_ = !range_.replicated && pending != info.end() && *pending == 0;
  return Status::Ok();
}

ReadBack::Request ReadBack::Next() {
  outstanding_ = kBatch;
  // A replica may be a moment behind the stream's leader: there one waits for more to come.
  const Json body = range_.replicated ? Json{{"batch", kBatch}, {"expires", kSecondNs}}
                                      : Json{{"batch", kBatch}, {"no_wait", true}};
  return {"CONSUMER.MSG.NEXT." + range_.stream + "." + consumer_, body.dump()};
}

Status ReadBack::OnDelivery(const Connection& connection, const Connection::Delivery& delivered,
                            bool* used_up) {
  *used_up = false;
  if (delivered.reply.empty()) return OnStatusMessage(connection, used_up);
  DeliveryOrigin origin;
  if (!ParseDeliveryOrigin(delivered.reply, &origin) || origin.consumer != consumer_) {
    return Status::Ok();  // of an attempt that was given up
  }
  if (origin.sequence <= delivered_) {
    return Status::Unavailable("stream \"" + range_.stream + "\" is not delivered in its order");
  }
  delivered_ = origin.sequence;
  if (origin.sequence <= range_.end) Look(connection);
  done_ = origin.sequence >= range_.end || (!range_.replicated && origin.pending == 0);
  *used_up = done_ || --outstanding_ == 0;
  return Status::Ok();
}

bool ReadBack::IsOf(std::string_view origin, std::string_view message_id,
                    std::string_view named_origin) {
  return BeginsWith(message_id, origin) || named_origin == origin;
}

void ReadBack::Look(const Connection& connection) {
  const bool ours = IsOf(range_.origin, connection.DeliveredHeader("Nats-Msg-Id"),
                         connection.DeliveredHeader("Fraiseql-Origin"));
  Position position;
  if (!ours || !ParsePosition(connection.DeliveredHeader("Fraiseql-Position"), &position)) {
    saw_foreign_ = true;
  } else if (position.commit_lsn >= range_.settled_lsn) {
    found_.Insert(position);
  }
}

// The server's word on the request: no (more) messages (404, 408), or trouble with the consumer.
Status ReadBack::OnStatusMessage(const Connection& connection, bool* used_up) {
  const std::string_view code = connection.DeliveredHeader("Status");
  // The late answer to some other request, or a mere sign of life.
  if (code.empty() || code == "100") return Status::Ok();
  *used_up = true;
  done_ = code == "404" || code == "408";
  if (done_) return Status::Ok();
  return Status::Unavailable("cannot read what stream \"" + range_.stream +
                             "\" holds: " + ForeignText(code) + " " +
                             ForeignText(connection.DeliveredHeader("Description")));
}

ReadBack::Request ReadBack::Finish() const {
  return {"CONSUMER.DELETE." + range_.stream + "." + consumer_, ""};
}

}  // namespace fraiseql::nats
