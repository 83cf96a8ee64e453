// SPDX-License-Identifier: PostgreSQL
#include "core/format/description.h"

#include "core/base/json_text.h"
#include "core/change/message.h"
#include "core/route/bucket.h"
#include "core/route/router.h"
#include "core/route/topic.h"

namespace fraiseql {

namespace {

constexpr Operation kOperations[] = {Operation::kInsert, Operation::kUpdate, Operation::kDelete,
                                     Operation::kTruncate, Operation::kSnapshot};

// Whether the observer can publish a message of the operation.
bool Publishes(const Observer& observer, Operation operation) {
  const auto wants = [&](Operation other) { return (observer.operations & SetOf(other)) != 0; };
  // A backfill publishes rows for those that want INSERT.
  if (operation == Operation::kSnapshot) return wants(Operation::kInsert);
  // A bucket has no key any more of a row whose key has changed, or that is filtered out.
  if (operation == Operation::kDelete && FormatOf(observer).of_buckets()) {
    return wants(Operation::kDelete) || wants(Operation::kUpdate);
  }
  return wants(operation);
}

void AppendMember(std::string_view name, std::string_view json, std::string* out) {
  if (out->back() != '{') out->push_back(',');
  AppendJsonString(name, out);
  out->append(":").append(json);
}

std::string Const(std::string_view value) {
  std::string schema = R"({"type":"string","const":)";
  AppendJsonString(value, &schema);
  return schema + "}";
}

constexpr char kText[] = R"({"type":"string"})";

// The schema of headers: those that every message has, and traceparent.
class HeadersSchema {
 public:
  void Add(std::string_view name, std::string_view schema) {
    AppendMember(name, schema, &properties_);
    if (!required_.empty()) required_.push_back(',');
    AppendJsonString(name, &required_);
  }

  // The headers of each line "Name: value\r\n".
  void AddLines(std::string_view lines) {
    while (!lines.empty()) {
      const size_t colon = lines.find(": ");
      const size_t end = lines.find("\r\n");
      Add(lines.substr(0, colon), Const(lines.substr(colon + 2, end - colon - 2)));
      lines.remove_prefix(end + 2);
    }
  }

  void AppendTo(std::string* out) {
    AppendMember("traceparent", kText, &properties_);
    out->append(R"("headers":{"type":"object","properties":)").append(properties_);
    out->append(R"(},"required":[)").append(required_).append("]}");
  }

 private:
  std::string properties_ = "{";
  std::string required_;
};

void AppendHeaders(const Route& route, const DescriptionInput& input, Operation operation,
                   std::string* out) {
  HeadersSchema headers;
  headers.Add(input.own_id_header ? "Fraiseql-Id" : "Nats-Msg-Id", kText);
  headers.Add("Fraiseql-Position", kText);
  headers.Add("Fraiseql-Xid", R"({"type":"string","pattern":"^[0-9]+$"})");
  headers.Add("Fraiseql-Commit-Time", R"({"type":"string","format":"date-time"})");
  if (input.is_partitioned) {
    headers.Add("Fraiseql-Table", kText);
  } else {
    headers.AddLines(route.headers);
  }
  const Format& format = FormatOf(*route.observer);
  headers.AddLines(format.headers);
  if (format.append_headers != nullptr) {
    Change change;
    change.operation = operation;
    std::string lines;
    format.append_headers(change, &lines);
    headers.AddLines(lines);
  }
  if (operation == Operation::kSnapshot) headers.Add("Fraiseql-Event", Const("SNAPSHOT"));
  headers.AppendTo(out);
}

void AppendRowMessage(const Route& route, const DescriptionInput& input, Operation operation,
                      std::string* out) {
  std::string schema;
  FormatOf(*route.observer)
      .append_schema({route, input.relation, operation, input.columns}, &schema);
  std::string message = R"({"name":)";
  AppendJsonString(route.observer->name + "." + std::string(OperationName(operation)), &message);
  if (!schema.empty()) message.append(R"(,"contentType":"application/json")");
  message.push_back(',');
  AppendHeaders(route, input, operation, &message);
  if (!schema.empty()) message.append(R"(,"payload":)").append(schema);
  AppendMember(OperationName(operation), message + "}", out);
}

// The payload is what the notification has; an object gets a type and a timestamp if it lacks them.
void AppendNotification(const Observer& observer, const DescriptionInput& input, std::string* out) {
  std::string message = R"({"name":)";
  AppendJsonString(observer.name + ".NOTIFY", &message);
  message.push_back(',');
  HeadersSchema headers;
  headers.Add(input.own_id_header ? "Fraiseql-Id" : "Nats-Msg-Id", kText);
  headers.Add("Fraiseql-Commit-Time", R"({"type":"string","format":"date-time"})");
  headers.Add("Fraiseql-Channel",
              Const(observer.channel.empty() ? observer.topic : observer.channel));
  headers.Add("Content-Type", R"({"enum":["application/json","text/plain; charset=utf-8"]})");
  if (input.from_log) {
    headers.Add("Fraiseql-Position", kText);
    headers.Add("Fraiseql-Xid", R"({"type":"string","pattern":"^[0-9]+$"})");
  }
  headers.AppendTo(&message);
  AppendMember("NOTIFY", message + R"(,"payload":{}})", out);
}

SubjectTemplate DefaultSubject(const DescriptionInput& input) {
  SubjectTemplate subject;
  (void)SubjectTemplate::Parse(input.subject_prefix + ".{entity}.{op}", &subject);
  return subject;
}

std::string AddressOf(const Observer& observer, const DescriptionInput& input,
                      std::string_view entity, std::vector<SubjectParameter>* parameters) {
  std::string address;
  if (const std::string_view bucket = BucketOfStream(observer.stream); !bucket.empty()) {
    AppendBucketSubject(bucket, "{key}", &address);
    parameters->push_back({"key", "the values of the key of the row, as tokens; =TRUNCATE"});
    return address;
  }
  if (!observer.topic.empty()) {
    AppendTopicSubject(input.topic_prefix, observer.topic, &address);
    return address;
  }
  SubjectValues values;
  values.database = input.database;
  values.entity = entity;
  values.channel = observer.channel;
  if (!input.is_partitioned) {
    values.schema = input.relation.schema;
    values.table = input.relation.table;
  }
  if (!observer.subject.empty()) return observer.subject.Address(values, parameters);
  if (observer.relation == 0) return observer.channel;
  return DefaultSubject(input).Address(values, parameters);
}

std::string ParametersAsJson(const Observer& observer,
                             const std::vector<SubjectParameter>& parameters) {
  std::string json;
  for (const SubjectParameter& parameter : parameters) {
    std::string value = R"({"description":)";
    AppendJsonString(parameter.description, &value);
    if (parameter.name == "op") {
      std::string names;
      for (const Operation operation : kOperations) {
        if (!Publishes(observer, operation)) continue;
        if (!names.empty()) names.push_back(',');
        AppendJsonString(OperationName(operation), &names);
      }
      value.append(R"(,"enum":[)").append(names).append("]");
    }
    if (json.empty()) json.push_back('{');
    AppendMember(parameter.name, value + "}", &json);
  }
  if (!json.empty()) json.push_back('}');
  return json;
}

}  // namespace

Description DescribeObserver(const Observer& observer, const DescriptionInput& input) {
  Description description;
  description.messages = "{";
  std::string entity;
  if (observer.relation != 0) {
    entity = observer.entity.empty() ? EntityOfTable(input.relation.table) : observer.entity;
  }
  if (observer.relation != 0 && input.from_log) {
    const Router router({observer});
    for (const Route& route :
         router.Resolve(input.relation, {{observer.relation, input.relation.table}})) {
      for (const Operation operation : kOperations) {
        if (!Publishes(observer, operation)) continue;
        AppendRowMessage(route, input, operation, &description.messages);
      }
    }
  }
  if (observer.source != Source::kRow) AppendNotification(observer, input, &description.messages);
  description.messages.push_back('}');
  std::vector<SubjectParameter> parameters;
  description.address = AddressOf(observer, input, entity, &parameters);
  description.parameters = ParametersAsJson(observer, parameters);
  return description;
}

}  // namespace fraiseql
