// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/broker_check.h"

#include <chrono>
#include <optional>

#include "core/base/foreign_text.h"
#include "nats/base/names.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/manage/consumer_management.h"
#include "nats/manage/stream_management.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kNsPerMs = 1000000;

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
  FindClockDifference(TextAt(answer.body, "created"), from, NowNs(), findings);
  const std::string name = TextAt(answer.body, "name");
  if (CheckName("consumer", name).ok()) {
    (void)js->Call("CONSUMER.DELETE." + stream + "." + name, what);
  }
}

void FindDrift(const StreamSettings& wanted, bool is_default, const Differences& differences,
               std::vector<Finding>* findings) {
  for (const Difference& difference : differences) {
    findings->push_back(
        {false, StreamNamed(wanted.name),
         difference.field + " is " + difference.found + ", and by the settings " +
             difference.wanted,
         "Run SELECT * FROM fraiseql_nats.stream_sync(" + (is_default ? "" : Quoted(wanted.name)) +
             "); to change the stream, or adjust the settings; storage and retention of a stream "
             "cannot be changed."});
  }
}

// The call that gives the consumer a limit, and leaves all else as it is.
std::string CallWithLimit(const ConsumerSpec& spec, const std::string& stream, bool is_default) {
  std::string call = "SELECT fraiseql_nats.create_consumer(" + Quoted(spec.name);
  if (!spec.filter_subject.empty()) call += ", filter_subject => " + Quoted(spec.filter_subject);
  if (spec.push) call += ", push => true";
  if (!spec.queue.empty()) call += ", queue => " + Quoted(spec.queue);
  call += ", max_deliver => 3, ack_wait => '" + std::to_string(spec.ack_wait_ms) + " ms'";
  if (!is_default) call += ", stream => " + Quoted(stream);
  return call + ");";
}

void FindConsumers(JetStreamClient* js, const std::string& stream, bool is_default,
                   std::vector<Finding>* findings) {
  std::vector<ConsumerInfo> consumers;
  const Status status = ListConsumers(js, stream, &consumers);
  if (!status.ok()) {
    findings->push_back({false, StreamNamed(stream),
                         "its consumers are not known: " + status.message(), status.hint()});
  }
  for (const ConsumerInfo& consumer : consumers) {
    const ConsumerSpec& spec = consumer.config;
    if (!consumer.durable || spec.max_deliver > 0) continue;
    findings->push_back({false, ConsumerNamed(stream, ForeignText(spec.name)),
                         "it has no max_deliver: a message that it cannot handle is delivered "
                         "again and again, and never becomes a dead letter",
                         "Run " + CallWithLimit(spec, stream, is_default)});
  }
}

Status FindInStream(JetStreamClient* js, const StreamSettings& wanted, bool is_default,
                    BrokerCheck* check) {
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
  FindDrift(wanted, is_default, differences, &check->findings);
  FindConsumers(js, wanted.name, is_default, &check->findings);
  if (!is_default) return status;
  if (!info->answered_at.empty()) {
    FindClockDifference(info->answered_at, from, NowNs(), &check->findings);
  } else if (info->keeps_consumed()) {
    AskClock(js, wanted.name, &check->findings);
  }
  return status;
}

void AskLimits(JetStreamClient* js, std::vector<Finding>* findings) {
  const ApiAnswer account = js->Call("INFO", "account");
  if (account.status.ok()) return FindLimits(account.body, findings);
  findings->push_back({false, "account", "its limits are not known: " + account.status.message(),
                       account.status.hint()});
}

// The last request: a server may close the connection of a user that may not make it.
void AskPermissions(JetStreamClient* js, BrokerCheck* check) {
  std::string answer;
  if (!js->Request("$SYS.REQ.USER.INFO", "", &answer).ok()) return;
  ReadPermissions(ParseObject(answer), check);
}

}  // namespace

Status CheckBroker(JetStreamClient* js, const StreamSettings& wanted, bool is_default,
                   BrokerCheck* check) {
  *check = {};
  Status status = CheckName("stream", wanted.name);
  if (!status.ok()) return status;
  status = FindInStream(js, wanted, is_default, check);
  if (!status.ok()) return status;
  if (is_default) AskLimits(js, &check->findings);
  AskPermissions(js, check);
  return status;
}

}  // namespace fraiseql::nats
