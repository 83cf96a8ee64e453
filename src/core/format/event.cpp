// SPDX-License-Identifier: PostgreSQL
#include "core/format/event.h"

#include "core/base/json_object.h"
#include "core/format/format.h"
#include "core/route/bucket.h"
#include "core/route/topic.h"

namespace fraiseql {

namespace {

// Null, or the column that a placeholder names and whose value is not known.
const std::string* AppendSubject(const Origin& origin, const Route& route, const Change& change,
                                 std::string* out) {
  if (const Format& format = FormatOf(*route.observer); format.of_buckets()) {
    return format.append_subject(route, change, out);
  }
  const std::string_view op = OperationName(change.operation);
  if (!route.observer->topic.empty()) {
    AppendTopicSubject(origin.topic_prefix, route.observer->topic, out);
    return nullptr;
  }
  if (route.observer->subject.empty()) {
    out->append(origin.subject_prefix).push_back('.');
    AppendSubjectToken(route.entity, out);
    out->append(".").append(op);
    return nullptr;
  }
  SubjectValues values;
  values.schema = change.relation->schema;
  values.table = change.relation->table;
  values.entity = route.entity;
  values.op = op;
  values.database = origin.database;
  values.relation = change.relation;
  values.row = RowOf(change);
  return route.observer->subject.Append(values, out);
}

Status RejectSubject(const std::string& column, Operation operation) {
  return Status::Rejected(
      "the subject needs column \"" + column + "\", whose value is not in the log",
      operation == Operation::kTruncate
          ? "TRUNCATE has no row: leave it out of the observer's events."
          : "Set REPLICA IDENTITY FULL on the table, or leave the event out of the observer.");
}

Status CheckBuiltSubject(const Message& message) {
  const Status subject = CheckMessageSubject(message.subject);
  return subject.ok() ? subject : Status::Rejected(subject.message(), subject.hint());
}

}  // namespace

Status BuildEvent(const Origin& origin, const TransactionHeaders& transaction, const Route& route,
                  const Change& change, Message* message) {
  message->commit_time_us = change.commit_time_us;
  message->observer.assign(route.observer->name);
  message->counts = route.observer->counts;
  const std::string* unknown = AppendSubject(origin, route, change, &message->subject);
  AddCommonHeaders(origin, transaction, {}, message);
  const Format& format = FormatOf(*route.observer);
  message->headers.append(route.headers).append(format.headers);
  if (format.append_headers != nullptr) format.append_headers(change, &message->headers);
  // The formats topic and row do not contain the operation: a row of a backfill must not be taken
  // for a new one.
  if (change.operation == Operation::kSnapshot) {
    message->headers.append("Fraiseql-Event: SNAPSHOT\r\n");
  }
  // The payload may contain old and new values several times.
  if (change.new_row.bytes() + change.old_row.bytes() > kMaxMessageBytes) {
    message->headers.append("Fraiseql-Unencoded: *\r\n");
    return Status::Rejected("the row is larger than a message can be",
                            "Leave its large columns out of the observer.");
  }
  format.append_payload({route, change, *message, transaction.commit_time()}, &message->payload);
  if (unknown != nullptr) return RejectSubject(*unknown, change.operation);
  if (format.check != nullptr) {
    Status status = format.check(route, change);
    if (!status.ok()) return status;
  }
  return CheckBuiltSubject(*message);
}

Status BuildNotification(const Origin& origin, const TransactionHeaders& transaction,
                         const Observer& observer, std::string_view channel,
                         std::string_view payload, std::string_view message_id, Message* message) {
  message->observer.assign(observer.name);
  message->counts = observer.counts;
  std::string type;
  AppendTopicType(observer.topic.empty() ? channel : observer.topic, &type);
  if (!observer.topic.empty()) {
    message->subject.append(origin.topic_prefix).append(".").append(type);
  } else if (observer.subject.empty()) {
    message->subject.append(channel);
  } else {
    SubjectValues values;
    values.channel = channel;
    values.database = origin.database;
    observer.subject.Append(values, &message->subject);
  }
  AddCommonHeaders(origin, transaction, message_id, message);
  message->headers.append("Fraiseql-Channel: ");
  AppendHeaderValue(channel, &message->headers);
  message->headers.append(ScanJsonObject(payload).valid
                              ? "\r\nContent-Type: application/json\r\n"
                              : "\r\nContent-Type: text/plain; charset=utf-8\r\n");
  if (origin.notify_enrich) {
    AppendEnriched(payload, type, transaction.commit_time(), &message->payload);
  } else {
    message->payload.append(payload);
  }
  return CheckBuiltSubject(*message);
}

}  // namespace fraiseql
