// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/stalled_consumers.h"

#include <utility>
#include <vector>

#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_client.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kGraceMs = 1000;  // in addition to ack_wait

}  // namespace

Status StalledConsumers::Check(JetStreamClient* js, const std::string& stream, int64_t now_ms) {
  Status status = AskTrust(js);
  std::vector<ConsumerInfo> consumers;
  if (status.ok()) status = ListConsumers(js, stream, &consumers);
  if (!status.ok()) return status;
  std::map<std::string, Standing> before = std::move(standing_);
  standing_.clear();
  // The request ends after 100 ms if all messages are given up.
  const Json one_byte = {{"batch", 1}, {"expires", 100000000}, {"max_bytes", 1}};
  for (const ConsumerInfo& consumer : consumers) {
    const std::string& name = consumer.config.name;
    standing_[name] = before[name];
    if (!IsStalled(consumer, now_ms)) continue;
    if (trust_ != Trust::kYes && consumer.config.max_deliver != 1) continue;
    standing_[name].since_ms = now_ms;
    status = js->Call("CONSUMER.MSG.NEXT." + stream + "." + name, one_byte, name).status;
    if (js->lost()) return status;
  }
  return Status::Ok();  // a consumer that does not answer may just have been deleted
}

Status StalledConsumers::AskTrust(JetStreamClient* js) {
  if (trust_ != Trust::kUnknown) return Status::Ok();
  const ApiAnswer answer = js->Call("INFO", "JetStream");
  if (!answer.status.ok()) return answer.status;
  trust_ = IntegerAt(ObjectAt(answer.body, "api"), "level") >= 1 ? Trust::kYes : Trust::kNo;
  return answer.status;
}

bool StalledConsumers::IsStalled(const ConsumerInfo& consumer, int64_t now_ms) {
  Standing& standing = standing_[consumer.config.name];
  const bool moved = standing.deliveries != consumer.deliveries ||
                     standing.ack_floor != consumer.ack_floor ||
                     standing.ack_pending != consumer.ack_pending || standing.since_ms == 0;
  if (moved) {
    standing = {consumer.deliveries, consumer.ack_floor, consumer.ack_pending, now_ms};
  }
  return !moved && consumer.durable && !consumer.config.push && !consumer.paused &&
         consumer.config.max_deliver > 0 && consumer.ack_pending > 0 && consumer.waiting == 0 &&
         now_ms - standing.since_ms >= consumer.config.ack_wait_ms + kGraceMs;
}

}  // namespace fraiseql::nats
