// SPDX-License-Identifier: PostgreSQL
#include "pg/call/process_functions.h"

#include "core/base/comma_list.h"
#include "core/base/number.h"
#include "nats/manage/consumer_management.h"
#include "nats/jetstream/jetstream_client.h"
#include "core/base/server_url.h"
#include "nats/manage/stream_management.h"

extern "C" {
#include "postgres.h"
}

#include "pg/call/process_check.h"
#include "pg/settings/broker_config.h"
#include "pg/settings/config_files.h"
#include "pg/settings/gucs.h"
#include "pg/settings/settings_check.h"

namespace fraiseql::pg {

namespace {

using nats::JetStreamClient;

// One row of a result, as input for the columns' types.
class RowBuilder {
 public:
  RowBuilder& Text(const std::string& text) {
    row_.push_back(text.empty() ? std::optional<std::string>() : text);
    return *this;
  }
  RowBuilder& Number(uint64_t number) { return Text(std::to_string(number)); }
  // No limit: absent.
  RowBuilder& Limit(int64_t limit) { return Text(limit > 0 ? std::to_string(limit) : ""); }
  RowBuilder& Bool(bool value) { return Text(value ? "t" : "f"); }
  RowBuilder& Duration(int64_t ms) {
    return Text(ms > 0 ? std::to_string(ms) + " milliseconds" : "");
  }
  void AppendTo(std::string* rows) const { AppendTextRow(row_, rows); }

 private:
  TextRow row_;
};

// A call that needs the broker, for the stream that the settings name.
using StreamWork = Status (*)(JetStreamClient*, const ProcessCall&, std::string* rows);

Status StreamInfo(JetStreamClient* js, const ProcessCall&, std::string* rows) {
  nats::StreamInfo info;
  const Status status = nats::GetStreamInfo(js, settings.stream_name, &info);
  if (!status.ok()) return status;
  RowBuilder()
      .Text(info.config.name)
      .Text(JoinList(info.config.subjects))
      .Number(info.messages)
      .Number(info.bytes)
      .Number(info.first_sequence)
      .Number(info.last_sequence)
      .Number(info.consumers)
      .Duration(info.config.max_age_ms.value_or(0))
      .Limit(info.config.max_bytes.value_or(0))
      .Limit(info.config.max_messages.value_or(0))
      .Duration(info.config.duplicate_window_ms.value_or(0))
      .Number(static_cast<uint64_t>(info.config.replicas.value_or(1)))
      .AppendTo(rows);
  return status;
}

Status StreamSync(JetStreamClient* js, const ProcessCall&, std::string* rows) {
  nats::Differences outcome;
  const Status status =
      nats::EnsureStream(js, CurrentStreamSettings(), nats::EnsureMode::kUpdate, &outcome);
  for (const nats::Difference& difference : outcome) {
    RowBuilder()
        .Text(difference.field)
        .Text(difference.found)
        .Text(difference.wanted)
        .Bool(difference.changed)
        .AppendTo(rows);
  }
  return status;
}

std::string Argument(const ProcessCall& call, size_t number, const char* otherwise = "") {
  if (number >= call.arguments.size()) return otherwise;
  return call.arguments[number].value_or(otherwise);
}

Status DeleteStream(JetStreamClient* js, const ProcessCall& call, std::string*) {
  return nats::DeleteStream(js, Argument(call, 0));
}

Status Consumers(JetStreamClient* js, const ProcessCall&, std::string* rows) {
  std::vector<nats::ConsumerInfo> consumers;
  const Status status = nats::ListConsumers(js, settings.stream_name, &consumers);
  for (const nats::ConsumerInfo& consumer : consumers) {
    RowBuilder()
        .Text(consumer.config.name)
        .Text(consumer.config.filter_subject)
        .Bool(consumer.config.push)
        .Text(consumer.config.queue)
        .Limit(consumer.config.max_deliver)
        .Duration(consumer.config.ack_wait_ms)
        .Limit(consumer.config.max_ack_pending)
        .Number(consumer.pending)
        .Number(consumer.ack_pending)
        .Number(consumer.redelivered)
        .Number(consumer.delivered_sequence)
        .Number(consumer.ack_floor)
        .Bool(consumer.bound)
        .AppendTo(rows);
  }
  return status;
}

int64_t NumberArgument(const ProcessCall& call, size_t number, int64_t otherwise) {
  int64_t value = 0;
  return ReadDecimal(Argument(call, number), &value) ? value : otherwise;
}

Status CreateConsumer(JetStreamClient* js, const ProcessCall& call, std::string*) {
  nats::ConsumerSpec spec;
  spec.name = Argument(call, 0);
  spec.filter_subject = Argument(call, 1);
  spec.push = Argument(call, 2) == "t";
  spec.queue = Argument(call, 3);
  spec.max_deliver = NumberArgument(call, 4, settings.max_deliver);
  spec.ack_wait_ms = NumberArgument(call, 5, int64_t{settings.ack_wait_s} * 1000);
  spec.max_ack_pending = NumberArgument(call, 6, 0);
  nats::ConsumerChange change{};
  return nats::EnsureConsumer(js, settings.stream_name, spec, &change);
}

Status DeleteConsumer(JetStreamClient* js, const ProcessCall& call, std::string*) {
  return nats::DeleteConsumer(js, settings.stream_name, Argument(call, 0));
}

constexpr struct {
  std::string_view name;
  StreamWork work;
} kStreamFunctions[] = {
    {"stream_info", StreamInfo},         {"stream_sync", StreamSync},
    {"delete_stream", DeleteStream},     {"consumers", Consumers},
    {"create_consumer", CreateConsumer}, {"delete_consumer", DeleteConsumer},
};

const char* SourceName(SettingSource source) {
  switch (source) {
    case SettingSource::kEnvironment:
      return "environment variable";
    case SettingSource::kObserverFile:
      return "fraiseql-observer.toml";
    case SettingSource::kFile:
      return "fraiseql.toml";
  }
  return "";
}

// Only a URL can contain a secret: all other secrets are in files that settings name.
void ConfigValues(const LoadedConfig& loaded, std::string* rows) {
  for (const Setting& setting : loaded.config.settings) {
    const std::string& text = setting.value.text;
    RowBuilder()
        .Text("fraiseql_nats." + setting.name)
        .Text(setting.name == "url" ? WithoutUserInfo(text) : text)
        .Text(SourceName(setting.value.source))
        .Text(setting.value.where)
        .AppendTo(rows);
  }
}

void AppendProblems(const std::vector<ConfigProblem>& problems, const char* level,
                    std::string* rows) {
  for (const ConfigProblem& problem : problems) {
    RowBuilder()
        .Text(level)
        .Text(PlaceText(problem.source, problem.at))
        .Text(problem.reason)
        .Text(problem.hint)
        .AppendTo(rows);
  }
}

Status BeginBrokerCall(const ProcessCall& call, const LoadedConfig& loaded, StreamWork function,
                       BrokerWork* work) {
  if (!loaded.errors.empty()) {
    const ConfigProblem& error = loaded.errors.front();
    return Status::Invalid(error.text(), error.hint);
  }
  const SettingsProblem problem = CheckWrittenSettings();
  if (problem.nothing_in_force) return problem.status;
  Status status = ApplyConfig(loaded.config);
  if (status.ok()) status = ApplyOwnSettings(call.own_settings);
  // The settings no longer change, so the thread may read them.
  *work = [call, function,
           broker = CurrentBrokerSettings(call.database.c_str())](std::string* rows) {
    return nats::WithJetStream(broker,
                               [&](JetStreamClient* js) { return function(js, call, rows); });
  };
  return status;
}

}  // namespace

void AppendConfigProblems(const ConfigProblems& problems, std::string* rows) {
  AppendProblems(problems.errors, "error", rows);
  AppendProblems(problems.warnings, "warning", rows);
  AppendProblems(problems.notices, "notice", rows);
}

Status BeginCall(const ProcessCall& call, std::string* rows, BrokerWork* work) {
  LoadedConfig loaded;
  LoadConfig(&loaded);
  for (const auto& function : kStreamFunctions) {
    if (call.function == function.name) {
      return BeginBrokerCall(call, loaded, function.work, work);
    }
  }
  if (call.function == "check") return BeginCheck(call, loaded, rows, work);
  if (call.function == "config_values") {
    ConfigValues(loaded, rows);
  } else if (call.function == "validate_config") {
    AppendConfigProblems({loaded.errors, loaded.config.warnings, loaded.config.notices}, rows);
  } else {
    return Status::Internal("there is no function " + call.function + "() for a process");
  }
  return Status::Ok();
}

}  // namespace fraiseql::pg
