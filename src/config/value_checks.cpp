// SPDX-License-Identifier: PostgreSQL
#include "config/value_checks.h"

#include <initializer_list>

#include "config/qualified_name.h"
#include "core/format/format.h"
#include "core/route/bucket.h"
#include "core/route/condition.h"
#include "core/route/observer.h"
#include "core/route/subject.h"
#include "core/route/topic.h"

namespace fraiseql {

namespace {

constexpr size_t kMaxNameBytes = 255;      // of the observer table, and of NATS
constexpr size_t kMaxSubjectBytes = 1024;  // of the observer table
constexpr size_t kMaxWhenBytes = 4096;     // of the observer table
constexpr size_t kMaxColumnBytes = 63;     // of a Postgres identifier
constexpr size_t kMaxTableBytes = 200;     // schema and table; leaves room in names made of it

std::string Quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

Status CheckLength(const std::string& what, std::string_view text, size_t max) {
  if (text.empty())
    return Status::Invalid(what + " is empty", "Give it a value, or remove the key.");
  if (text.size() <= max) return Status::Ok();
  return Status::Invalid(what + " is longer than " + std::to_string(max) + " bytes",
                         "Choose a shorter one.");
}

// The names of streams and consumers follow the same rule.
Status CheckAssetName(const std::string& what, std::string_view name) {
  const Status status = CheckLength(what, name, kMaxNameBytes);
  if (!status.ok() || IsAssetName(name)) return status;
  return Status::Invalid(what + ' ' + Quoted(name) + " has a blank or one of . * > \\ /",
                         "Letters, digits, - and _ are safe.");
}

Status CheckOneOf(const std::string& what, std::string_view value,
                  std::initializer_list<std::string_view> allowed) {
  std::string names;
  for (const std::string_view name : allowed) {
    if (name == value) return Status::Ok();
    names.append(names.empty() ? "" : ", ").append(Quoted(name));
  }
  return Status::Invalid("unknown " + what + ' ' + Quoted(value), "It is one of " + names + ".");
}

Status CheckIsNats(const std::string& what, std::string_view value) {
  if (value == "nats") return Status::Ok();
  return Status::Invalid(what + ' ' + Quoted(value) + " is not supported, only \"nats\" is",
                         "fraiseql_nats publishes to NATS; write \"nats\".");
}

}  // namespace

Status CheckBackend(std::string_view backend) { return CheckIsNats("backend", backend); }
Status CheckTransport(std::string_view transport) { return CheckIsNats("transport", transport); }

Status CheckStreamName(std::string_view name) { return CheckAssetName("stream name", name); }
Status CheckConsumerName(std::string_view name) { return CheckAssetName("consumer name", name); }

Status CheckRuleName(std::string_view name) {
  return CheckLength("name of the observer", name, kMaxNameBytes);
}

Status CheckTable(std::string_view table) {
  const Status status = CheckLength("table", table, kMaxTableBytes);
  QualifiedName name;
  return status.ok() ? ParseQualifiedName(table, &name) : status;
}

Status CheckEntity(std::string_view entity) {
  if (entity != "*") return CheckLength("entity", entity, kMaxTableBytes);
  return Status::Invalid("entity \"*\" is not supported",
                         "Declare an observer for each table or entity.");
}

Status CheckEvent(std::string_view event) {
  Operation operation{};
  if (ParseOperation(event, &operation)) return Status::Ok();
  if (event == "CUSTOM") {
    return Status::Invalid("event \"CUSTOM\" is not supported",
                           "Publish such an event with fraiseql_nats.publish() or pg_notify().");
  }
  return Status::Invalid("unknown event " + Quoted(event),
                         "Events are INSERT, UPDATE, DELETE and TRUNCATE.");
}

Status CheckRuleSubject(std::string_view subject) {
  const Status status = CheckLength("subject", subject, kMaxSubjectBytes);
  if (!status.ok()) return status;
  SubjectTemplate parsed;
  return IsTopic(subject) ? CheckSubject(subject) : SubjectTemplate::Parse(subject, &parsed);
}

Status CheckCondition(std::string_view condition) {
  Condition parsed;
  return Condition::Parse(condition, &parsed);
}

Status CheckWhen(std::string_view when) { return CheckLength("when", when, kMaxWhenBytes); }

Status CheckColumn(std::string_view column) {
  return CheckLength("column", column, kMaxColumnBytes);
}

Status CheckFormat(std::string_view format) {
  if (FindFormat(format) != nullptr) return Status::Ok();
  return Status::Invalid("unknown format " + Quoted(format),
                         "Formats are those of fraiseql_nats.observe().");
}

Status CheckSource(std::string_view source) {
  Source parsed{};
  if (ParseSource(source, &parsed)) return Status::Ok();
  return Status::Invalid("unknown source " + Quoted(source),
                         "Sources are those of fraiseql_nats.observe().");
}

Status CheckStreamSubject(std::string_view subject) { return CheckSubjectFilter(subject); }

Status CheckInterval(std::string_view interval) {
  constexpr size_t kMaxIntervalBytes = 100;
  return CheckLength("interval", interval, kMaxIntervalBytes);
}

Status CheckStorage(std::string_view storage) {
  return CheckOneOf("storage", storage, {"file", "memory"});
}

Status CheckDiscard(std::string_view discard) {
  return CheckOneOf("discard", discard, {"old", "new"});
}

Status CheckRetention(std::string_view retention) {
  return CheckOneOf("retention", retention, {"limits", "interest", "workqueue"});
}

Status CheckCompression(std::string_view compression) {
  return CheckOneOf("compression", compression, {"none", "s2"});
}

Status CheckIdHeader(std::string_view header) {
  return CheckOneOf("message_id_header", header, {"Nats-Msg-Id", "Fraiseql-Id"});
}

Status CheckExclusive(std::string_view exclusive) {
  return CheckOneOf("exclusive", exclusive, {"auto", "on", "off"});
}

Status CheckManage(std::string_view manage) {
  return CheckOneOf("manage", manage, {"create", "update", "off"});
}

Status CheckBucket(std::string_view bucket) {
  if (IsBucketName(bucket)) return Status::Ok();
  return Status::Invalid(Quoted(bucket) + " is not the name of a bucket",
                         "It has letters, digits, \"_\" and \"-\".");
}

}  // namespace fraiseql
