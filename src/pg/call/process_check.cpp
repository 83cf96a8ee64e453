// SPDX-License-Identifier: PostgreSQL
#include "pg/call/process_check.h"

#include "core/base/comma_list.h"
#include "core/base/server_url.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/manage/broker_check.h"

extern "C" {
#include "postgres.h"
}

#include "pg/settings/broker_config.h"
#include "pg/settings/gucs.h"
#include "pg/settings/settings_check.h"

namespace fraiseql::pg {

namespace {

// `otherwise`: what to do if the finding does not say it.
void AppendFinding(const nats::Finding& finding, const char* otherwise, std::string* rows) {
  AppendTextRow({finding.is_error ? "error" : "warning", finding.object, finding.what,
                 finding.what_to_do.empty() ? otherwise : finding.what_to_do},
                rows);
}

void AppendFact(const char* fact, const std::string& value, std::string* rows) {
  AppendTextRow({fact, value}, rows);
}

// A setting that postgresql.conf and FraiseQL's files give different values.
void FindOverridden(const Config& config, std::string* rows) {
  for (const Setting& setting : config.settings) {
    const std::string name = "fraiseql_nats." + setting.name;
    const std::string& text = setting.value.text;
    if (!IsWritten(name.c_str()) || HasValue(name.c_str(), text.c_str())) continue;
    const bool is_url = setting.name == "url";
    AppendFinding({false, "setting \"" + name + "\"",
                   setting.value.where + " has " + (is_url ? WithoutUserInfo(text) : text) +
                       ", but postgresql.conf or the command line has another value, which is in "
                       "force",
                   "Remove one of the two; fraiseql_nats.show_config() shows what is in force."},
                  "", rows);
  }
}

void FindInFiles(const LoadedConfig& loaded, const SettingsProblem& written, std::string* rows) {
  const auto append = [&](const std::vector<ConfigProblem>& problems, bool is_error) {
    for (const ConfigProblem& problem : problems) {
      AppendFinding({is_error, PlaceText(problem.source, problem.at), problem.reason, problem.hint},
                    "Correct the file, and run SELECT fraiseql_nats.reload();", rows);
    }
  };
  append(loaded.errors, true);
  append(loaded.config.warnings, false);
  if (!written.status.ok()) {
    AppendFinding({true, "postgresql.conf", written.status.message(), written.status.hint()},
                  "Correct the file, and reload.", rows);
  }
  FindOverridden(loaded.config, rows);
}

constexpr char kBrokerHint[] = "See \"fraiseql_nats.url\", and the log of the NATS server.";

Status CheckStreamAtBroker(const nats::BrokerSettings& broker, const nats::StreamSettings& stream,
                           bool is_default, std::string* rows) {
  nats::BrokerCheck check;
  const Status status = nats::WithJetStream(broker, [&](nats::JetStreamClient* js) {
    return nats::CheckBroker(js, stream, is_default, &check);
  });
  for (const nats::Finding& finding : check.findings) AppendFinding(finding, kBrokerHint, rows);
  if (!status.ok()) {
    AppendFinding({true, "broker", status.message(), status.hint()}, kBrokerHint, rows);
    AppendFact("fails", "t", rows);
    return Status::Ok();
  }
  AppendFact("answers", "t", rows);
  if (check.has_stream) AppendFact("subjects", JoinList(check.subjects), rows);
  if (!check.allowed.empty()) AppendFact("allowed", JoinList(check.allowed), rows);
  if (!check.denied.empty()) AppendFact("denied", JoinList(check.denied), rows);
  return Status::Ok();
}

}  // namespace

Status BeginCheck(const ProcessCall& call, const LoadedConfig& loaded, std::string* rows,
                  BrokerWork* work) {
  const SettingsProblem written = CheckWrittenSettings();
  const bool is_default = !call.arguments.empty() && call.arguments[0] == "t";
  if (is_default) FindInFiles(loaded, written, rows);
  if (!loaded.errors.empty() || written.nothing_in_force) return Status::Ok();
  Status status = ApplyConfig(loaded.config);
  if (status.ok()) status = ApplyOwnSettings(call.own_settings);
  if (!status.ok()) {
    AppendFinding({true, "settings", status.message(), status.hint()},
                  "Correct the value, and reload.", rows);
    return Status::Ok();
  }
  AppendFact("subject_prefix", settings.subject_prefix, rows);
  AppendFact("topic_prefix", settings.topic_prefix, rows);
  *work = [is_default, begin = *rows, broker = CurrentBrokerSettings(call.database.c_str()),
           stream = CurrentStreamSettings()](std::string* all) {
    *all = begin;
    return CheckStreamAtBroker(broker, stream, is_default, all);
  };
  return status;
}

}  // namespace fraiseql::pg
