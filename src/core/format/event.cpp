// SPDX-License-Identifier: PostgreSQL
#include "core/format/event.h"

#include <algorithm>

#include "core/base/json_object.h"
#include "core/base/json_text.h"
#include "core/route/topic.h"
#include "core/base/uuid.h"

namespace fraiseql {

namespace {

// The row that `data` shows and that placeholders of the subject take their values from.
const RowImage* MainRow(const Change& change) {
  switch (change.operation) {
    case Operation::kInsert:
    case Operation::kUpdate:
    case Operation::kSnapshot:
      return &change.new_row;
    case Operation::kDelete:
      return change.has_old_row ? &change.old_row : nullptr;
    case Operation::kTruncate:
      return nullptr;
  }
  return nullptr;
}

void AppendRow(const Route& route, const Relation& relation, const RowImage* row,
               std::string* out) {
  if (row == nullptr) {
    out->append("null");
    return;
  }
  out->push_back('{');
  bool first = true;
  for (size_t i = 0; i < row->size(); ++i) {
    if (!route.include[i] || row->state(i) != RowImage::State::kPresent) continue;
    if (!first) out->push_back(',');
    first = false;
    out->append(relation.columns[i].json_key).append(row->json(i));
  }
  out->push_back('}');
}

// Of several columns: the colon between them stands in none of them.
void AppendKeyPart(std::string_view json, std::string* id) {
  std::string text;
  AppendJsonValueAsText(json, &text);
  for (const char c : text) {
    if (c == ':') {
      id->append("%3A");
    } else if (c == '%') {
      id->append("%25");
    } else {
      id->push_back(c);
    }
  }
}

// Null also if a part of it is not to be published: what `columns` leaves out stays out.
void AppendEntityId(const Route& route, const Relation& relation, const RowImage* row,
                    std::string* out) {
  std::string id;
  for (const int column : relation.identity) {
    const auto i = static_cast<size_t>(column);
    if (row == nullptr || !route.include[i] || row->state(i) != RowImage::State::kPresent ||
        row->json(i) == "null") {
      out->append("null");
      return;
    }
    if (relation.identity.size() == 1) {
      AppendJsonValueAsText(row->json(i), &id);
    } else {
      if (column != relation.identity.front()) id.push_back(':');
      AppendKeyPart(row->json(i), &id);
    }
  }
  if (relation.identity.empty()) {
    out->append("null");
  } else {
    AppendJsonString(id, out);
  }
}

bool IsChanged(const Route& route, const Change& change, size_t i) {
  return change.has_old_row && route.include[i] &&
         change.old_row.state(i) == RowImage::State::kPresent &&
         change.new_row.state(i) == RowImage::State::kPresent &&
         change.old_row.json(i) != change.new_row.json(i);
}

void AppendChanges(const Route& route, const Change& change, std::string* out) {
  out->append(",\"changes\":{");
  bool first = true;
  for (size_t i = 0; i < change.new_row.size(); ++i) {
    if (!IsChanged(route, change, i)) continue;
    if (!first) out->push_back(',');
    first = false;
    out->append(change.relation->columns[i].json_key).append("{\"old\":");
    out->append(change.old_row.json(i)).append(",\"new\":").append(change.new_row.json(i));
    out->push_back('}');
  }
  out->push_back('}');
}

void AppendUnchanged(const Route& route, const Change& change, std::string* out) {
  bool first = true;
  for (size_t i = 0; i < change.new_row.size(); ++i) {
    if (!route.include[i] || change.new_row.state(i) != RowImage::State::kUnchanged) continue;
    out->append(first ? ",\"unchanged\":[" : ",");
    first = false;
    AppendJsonString(change.relation->columns[i].name, out);
  }
  if (!first) out->push_back(']');
}

// FraiseQL's own consumers know three operations; all else is CUSTOM for them.
std::string_view EventType(Operation operation) {
  const bool known = operation == Operation::kInsert || operation == Operation::kUpdate ||
                     operation == Operation::kDelete;
  return known ? OperationName(operation) : "CUSTOM";
}

void AppendFraiseqlPayload(const Route& route, const Change& change, std::string_view commit_time,
                           const Message& message, std::string* out) {
  const RowImage* row = MainRow(change);
  out->append("{\"id\":\"");
  AppendUuid5(FindHeader(message.headers, "Nats-Msg-Id"), out);
  out->append("\",\"event\":\"").append(OperationName(change.operation));
  out->append("\",\"event_type\":\"").append(EventType(change.operation));
  out->append("\",\"entity\":").append(route.entity_json);
  out->append(",\"entity_type\":").append(route.entity_json).append(",\"entity_id\":");
  AppendEntityId(route, *change.relation, row, out);
  out->append(",\"subject\":");
  AppendJsonString(message.subject, out);
  out->append(",\"timestamp\":\"");
  out->append(commit_time);
  out->append("\",\"data\":");
  AppendRow(route, *change.relation, row, out);
  if (change.operation == Operation::kUpdate) {
    if (change.has_old_row) AppendChanges(route, change, out);
    AppendUnchanged(route, change, out);
  }
  out->push_back('}');
}

void AppendType(const Route& route, const Change& change, std::string* out) {
  std::string type;
  if (!route.observer->topic.empty()) {
    AppendTopicType(route.observer->topic, &type);
  } else {
    type = SnakeCase(route.entity) + '.';
    for (const char c : OperationName(change.operation)) {
      type.push_back(static_cast<char>(c - 'A' + 'a'));
    }
  }
  AppendJsonString(type, out);
}

// Whether the format topic uses the name for something else than a column.
bool IsTopicField(const Route& route, const Column& column) {
  return column.name == "type" || column.name == "timestamp" || column.name == "data" ||
         column.name == "unchanged" || column.json_key == route.id_key;
}

// `"<prefix>name":`, for new_status and previous_status.
void AppendPrefixedKey(std::string_view prefix, const Column& column, std::string* out) {
  out->append(",\"").append(prefix).append(column.json_key, 1, std::string::npos);
}

bool HasColumn(const Relation& relation, std::string_view prefix, const Column& column) {
  return std::any_of(relation.columns.begin(), relation.columns.end(), [&](const Column& other) {
    return other.name.size() == prefix.size() + column.name.size() &&
           other.name.compare(0, prefix.size(), prefix) == 0 &&
           other.name.compare(prefix.size(), std::string::npos, column.name) == 0;
  });
}

void AppendTopicColumns(const Route& route, const Change& change, const RowImage& row,
                        std::string* out) {
  const Relation& relation = *change.relation;
  for (size_t i = 0; i < row.size(); ++i) {
    const Column& column = relation.columns[i];
    if (!route.include[i] || column.is_key || IsTopicField(route, column) ||
        row.state(i) != RowImage::State::kPresent) {
      continue;
    }
    out->append(",").append(column.json_key).append(row.json(i));
  }
  if (change.operation != Operation::kUpdate) return;
  for (size_t i = 0; i < row.size(); ++i) {
    if (!IsChanged(route, change, i)) continue;
    // A column that has this name itself keeps it.
    if (!HasColumn(relation, "new_", relation.columns[i])) {
      AppendPrefixedKey("new_", relation.columns[i], out);
      out->append(change.new_row.json(i));
    }
    if (!HasColumn(relation, "previous_", relation.columns[i])) {
      AppendPrefixedKey("previous_", relation.columns[i], out);
      out->append(change.old_row.json(i));
    }
  }
}

void AppendTopicPayload(const Route& route, const Change& change, std::string_view commit_time,
                        std::string* out) {
  const RowImage* row = MainRow(change);
  out->append("{\"type\":");
  AppendType(route, change, out);
  out->append(",\"timestamp\":\"");
  out->append(commit_time);
  out->append("\",").append(route.id_key);
  AppendEntityId(route, *change.relation, row, out);
  if (row != nullptr) AppendTopicColumns(route, change, *row, out);
  out->append(",\"data\":");
  AppendRow(route, *change.relation, row, out);
  if (change.operation == Operation::kUpdate) AppendUnchanged(route, change, out);
  out->push_back('}');
}

// Null, or the column that a placeholder names and whose value is not known.
const std::string* AppendSubject(const Origin& origin, const Route& route, const Change& change,
                                 std::string* out) {
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
  values.row = MainRow(change);
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
  const Status subject = CheckSubject(message.subject);
  return subject.ok() ? subject : Status::Rejected(subject.message(), subject.hint());
}

}  // namespace

Status BuildEvent(const Origin& origin, const TransactionHeaders& transaction, const Route& route,
                  const Change& change, Message* message) {
  message->commit_time_us = change.commit_time_us;
  message->observer.assign(route.observer->name);
  const std::string* unknown = AppendSubject(origin, route, change, &message->subject);
  AddCommonHeaders(origin, transaction, {}, message);
  message->headers.append(route.headers);
  // A topic and a bare row do not say what has happened: a row that is told of again must not be
  // taken for a new one.
  if (change.operation == Operation::kSnapshot) {
    message->headers.append("Fraiseql-Event: SNAPSHOT\r\n");
  }
  // Old and new values may stand in it several times.
  if (change.new_row.bytes() + change.old_row.bytes() > kMaxMessageBytes) {
    message->headers.append("Fraiseql-Unencoded: *\r\n");
    return Status::Rejected("the row is larger than a message can be",
                            "Leave its large columns out of the observer.");
  }
  switch (route.observer->format) {
    case Format::kFraiseql:
      AppendFraiseqlPayload(route, change, transaction.commit_time(), *message, &message->payload);
      break;
    case Format::kTopic:
      AppendTopicPayload(route, change, transaction.commit_time(), &message->payload);
      break;
    case Format::kRow:
      AppendRow(route, *change.relation, MainRow(change), &message->payload);
      break;
  }
  if (unknown != nullptr) return RejectSubject(*unknown, change.operation);
  return CheckBuiltSubject(*message);
}

Status BuildNotification(const Origin& origin, const TransactionHeaders& transaction,
                         const Observer& observer, std::string_view channel,
                         std::string_view payload, std::string_view message_id, Message* message) {
  message->observer.assign(observer.name);
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
