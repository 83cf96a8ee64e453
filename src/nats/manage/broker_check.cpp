// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/broker_check.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "core/base/foreign_text.h"
#include "nats/base/names.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/stored_message.h"
#include "nats/manage/consumer_management.h"
#include "nats/manage/stream_management.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kNsPerMs = 1000000;
constexpr int64_t kMaxClockDifferenceMs = 1000;
constexpr int kNearPercent = 90;

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A literal for the statement of a hint.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : ForeignText(text)) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

// What is stored, or exists, and how much of it may.
void FindLimit(const char* what, uint64_t used, int64_t limit, bool stops_publishing,
               std::vector<Finding>* findings) {
  if (limit <= 0) return;  // there is none
  const auto most = static_cast<uint64_t>(limit);
  const bool reached = used >= most;
  const bool near = used >= most - most * (100 - kNearPercent) / 100;
  if (!reached && (!stops_publishing || !near)) return;
  findings->push_back({reached && stops_publishing, "account",
                       std::string("it has ") + std::to_string(used) + " of at most " +
                           std::to_string(limit) + " " + what,
                       stops_publishing
                           ? "Raise the limit of the NATS account, or shorten what its streams keep."
                           : "Raise the limit of the NATS account before another one is needed."});
}

void FindLimitsOf(const Json& use, std::vector<Finding>* findings) {
  const Json limits = ObjectAt(use, "limits");
  FindLimit("bytes on disk", CountAt(use, "storage"), IntegerAt(limits, "max_storage"), true,
            findings);
  FindLimit("bytes in memory", CountAt(use, "memory"), IntegerAt(limits, "max_memory"), true,
            findings);
  FindLimit("streams", CountAt(use, "streams"), IntegerAt(limits, "max_streams"), false, findings);
  FindLimit("consumers", CountAt(use, "consumers"), IntegerAt(limits, "max_consumers"), false,
            findings);
}

// `text`: the time of an answer to a request that was made at `from_ns`.
void FindClockDifference(const std::string& text, int64_t from_ns, std::vector<Finding>* findings) {
  const int64_t now = NowNs();
  int64_t time = 0;
  if (!ParseTime(text, &time)) return;
  const int64_t ahead = time > now ? time - now : 0;
  const int64_t behind = time < from_ns ? from_ns - time : 0;
  const int64_t difference_ms = std::max(ahead, behind) / kNsPerMs;
  if (difference_ms < kMaxClockDifferenceMs) return;
  findings->push_back({false, "broker",
                       "its clock is " + std::to_string(difference_ms) + " ms " +
                           (ahead > 0 ? "ahead of" : "behind") + " the clock of this server",
                       "Synchronize both clocks, for example with NTP."});
}

// Servers before 2.10 tell their time only where something is created: a consumer that reads
// nothing and is deleted at once.
void AskClock(JetStreamClient* js, const std::string& stream, std::vector<Finding>* findings) {
  const std::string what = StreamNamed(stream);
  const Json body = {{"stream_name", stream},
                     {"config",
                      {{"description", "fraiseql_nats compares the clocks"},
                       {"deliver_policy", "new"},
                       {"ack_policy", "none"},
                       {"mem_storage", true},
                       {"num_replicas", 1},
                       {"inactive_threshold", 1000 * kNsPerMs}}}};
  const int64_t from = NowNs();
  const ApiAnswer answer = js->Call("CONSUMER.CREATE." + stream, body, what);
  if (!answer.status.ok()) return;
  FindClockDifference(TextAt(answer.body, "created"), from, findings);
  const std::string name = TextAt(answer.body, "name");
  if (CheckName("consumer", name).ok()) {
    (void)js->Call("CONSUMER.DELETE." + stream + "." + name, what);
  }
}

void FindDrift(const StreamSettings& wanted, const Differences& differences,
               std::vector<Finding>* findings) {
  for (const Difference& difference : differences) {
    findings->push_back(
        {false, StreamNamed(wanted.name),
         difference.field + " is " + difference.found + ", and by the settings " +
             difference.wanted,
         "Run SELECT * FROM fraiseql_nats.stream_sync(); to change the stream, or adjust the "
         "settings; storage and retention of a stream cannot be changed."});
  }
}

Status FindConsumers(JetStreamClient* js, const std::string& stream,
                     std::vector<Finding>* findings) {
  std::vector<ConsumerInfo> consumers;
  const Status status = ListConsumers(js, stream, &consumers);
  for (const ConsumerInfo& consumer : consumers) {
    const ConsumerSpec& spec = consumer.config;
    if (!consumer.durable || spec.max_deliver > 0) continue;
    std::string call = "SELECT fraiseql_nats.create_consumer(" + Quoted(spec.name);
    if (!spec.filter_subject.empty()) call += ", filter_subject => " + Quoted(spec.filter_subject);
    if (spec.push) call += ", push => true";
    if (!spec.queue.empty()) call += ", queue => " + Quoted(spec.queue);
    findings->push_back({false, ConsumerNamed(stream, ForeignText(spec.name)),
                         "it has no max_deliver: a message that it cannot handle is delivered "
                         "again and again, and never becomes a dead letter",
                         "Run " + call + ", max_deliver => 3, stream => " + Quoted(stream) + ");"});
  }
  return status;
}

Status FindInStream(JetStreamClient* js, const StreamSettings& wanted, BrokerCheck* check) {
  std::optional<StreamInfo> info;
  Differences differences;
  const int64_t from = NowNs();
  Status status = CompareStream(js, wanted, &info, &differences);
  if (!status.ok()) return status;
  if (!info) {
    check->findings.push_back(
        {true, StreamNamed(wanted.name), "it does not exist",
         wanted.create ? "Its worker creates it; fraiseql_nats.status() says what prevents that."
                       : "Create it in NATS, or set \"fraiseql_nats.stream_manage\" to create."});
    return status;
  }
  check->has_stream = true;
  check->subjects = info->config.subjects;
  FindDrift(wanted, differences, &check->findings);
  if (!info->answered_at.empty()) {
    FindClockDifference(info->answered_at, from, &check->findings);
  } else if (info->keeps_consumed()) {
    AskClock(js, wanted.name, &check->findings);
  }
  return FindConsumers(js, wanted.name, &check->findings);
}

// The last request: a server may close the connection of a user that may not make it.
void AskPermissions(JetStreamClient* js, BrokerCheck* check) {
  std::string answer;
  if (!js->Request("$SYS.REQ.USER.INFO", "", &answer).ok()) return;
  ReadPermissions(ParseObject(answer), check);
}

}  // namespace

void FindLimits(const Json& account, std::vector<Finding>* findings) {
  FindLimitsOf(account, findings);
  const Json tiers = ObjectAt(account, "tiers");
  for (const auto& tier : tiers.items()) {
    if (tier.value().is_object()) FindLimitsOf(tier.value(), findings);
  }
}

void ReadPermissions(const Json& answer, BrokerCheck* check) {
  const Json permissions = ObjectAt(ObjectAt(answer, "data"), "permissions");
  const Json publish = ObjectAt(permissions, "publish");
  check->allowed = ListAt(publish, "allow");
  check->denied = ListAt(publish, "deny");
}

Status CheckBroker(JetStreamClient* js, const StreamSettings& wanted, BrokerCheck* check) {
  *check = {};
  Status status = CheckName("stream", wanted.name);
  if (!status.ok()) return status;
  const ApiAnswer account = js->Call("INFO", "JetStream");
  if (!account.status.ok()) return account.status;
  FindLimits(account.body, &check->findings);
  status = FindInStream(js, wanted, check);
  if (status.ok()) AskPermissions(js, check);
  return status;
}

}  // namespace fraiseql::nats
