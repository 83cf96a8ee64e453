// SPDX-License-Identifier: PostgreSQL
#include "core/event.h"

#include "core/json_text.h"

namespace fraiseql {

namespace {

// The row that `data` shows and that placeholders of the subject take their values from.
const RowImage* MainRow(const Change& change) {
  switch (change.operation) {
    case Operation::kInsert:
    case Operation::kUpdate:
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

void AppendEntityId(const Relation& relation, const RowImage* row, std::string* out) {
  std::string id;
  for (const int column : relation.identity) {
    const auto i = static_cast<size_t>(column);
    if (row == nullptr || row->state(i) != RowImage::State::kPresent || row->json(i) == "null") {
      out->append("null");
      return;
    }
    if (column != relation.identity.front()) id.push_back(':');
    AppendJsonValueAsText(row->json(i), &id);
  }
  if (relation.identity.empty()) {
    out->append("null");
  } else {
    AppendJsonString(id, out);
  }
}

void AppendChanges(const Route& route, const Change& change, std::string* out) {
  out->append(",\"changes\":{");
  bool first = true;
  for (size_t i = 0; i < change.new_row.size(); ++i) {
    if (!route.include[i] || change.old_row.state(i) != RowImage::State::kPresent ||
        change.new_row.state(i) != RowImage::State::kPresent ||
        change.old_row.json(i) == change.new_row.json(i)) {
      continue;
    }
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

void AppendFraiseqlPayload(const Route& route, const Change& change, std::string_view subject,
                           std::string* out) {
  const RowImage* row = MainRow(change);
  out->append("{\"event\":\"").append(OperationName(change.operation)).append("\",\"entity\":");
  AppendJsonString(route.entity, out);
  out->append(",\"entity_id\":");
  AppendEntityId(*change.relation, row, out);
  out->append(",\"subject\":");
  AppendJsonString(subject, out);
  out->append(",\"timestamp\":\"");
  AppendIsoTime(change.commit_time_us, out);
  out->append("\",\"data\":");
  AppendRow(route, *change.relation, row, out);
  if (change.operation == Operation::kUpdate) {
    if (change.has_old_row) AppendChanges(route, change, out);
    AppendUnchanged(route, change, out);
  }
  out->push_back('}');
}

void AppendSubject(const Origin& origin, const Route& route, const Change& change,
                   std::string* out) {
  const std::string_view op = OperationName(change.operation);
  if (route.observer->subject.empty()) {
    out->append(origin.subject_prefix).push_back('.');
    AppendSubjectToken(route.entity, out);
    out->append(".").append(op);
    return;
  }
  SubjectValues values;
  values.schema = change.relation->schema;
  values.table = change.relation->table;
  values.entity = route.entity;
  values.op = op;
  values.database = origin.database;
  values.relation = change.relation;
  values.row = MainRow(change);
  route.observer->subject.Append(values, out);
}

}  // namespace

Status BuildEvent(const Origin& origin, const TransactionHeaders& transaction, const Route& route,
                  const Change& change, Message* message) {
  message->commit_time_us = change.commit_time_us;
  AppendSubject(origin, route, change, &message->subject);
  AddCommonHeaders(origin, transaction, {}, message);
  message->headers.append("Fraiseql-Table: ");
  AppendHeaderValue(change.relation->schema, &message->headers);
  message->headers.push_back('.');
  AppendHeaderValue(change.relation->table, &message->headers);
  message->headers.append("\r\nContent-Type: application/json\r\n");
  switch (route.observer->format) {
    case Format::kFraiseql:
      AppendFraiseqlPayload(route, change, message->subject, &message->payload);
      break;
    case Format::kRow:
      AppendRow(route, *change.relation, MainRow(change), &message->payload);
      break;
  }
  const Status subject = CheckSubject(message->subject);
  return subject.ok() ? subject : Status::Rejected(subject.message(), subject.hint());
}

}  // namespace fraiseql
