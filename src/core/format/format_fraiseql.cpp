// SPDX-License-Identifier: PostgreSQL
#include "core/format/format_fraiseql.h"

#include "core/base/json_text.h"
#include "core/base/uuid.h"
#include "core/format/row_json.h"
#include "core/format/row_schema.h"

namespace fraiseql {

namespace {

// FraiseQL's consumers know three operations; they treat all others as CUSTOM.
std::string_view EventType(Operation operation) {
  const bool known = operation == Operation::kInsert || operation == Operation::kUpdate ||
                     operation == Operation::kDelete;
  return known ? OperationName(operation) : "CUSTOM";
}

}  // namespace

void AppendFraiseqlPayload(const RowEvent& event, std::string* out) {
  const Route& route = event.route;
  const Change& change = event.change;
  const RowImage* row = RowOf(change);
  out->append("{\"id\":\"");
  AppendUuid5(MessageIdOf(event.message.headers), out);
  out->append("\",\"event\":\"").append(OperationName(change.operation));
  out->append("\",\"event_type\":\"").append(EventType(change.operation));
  out->append("\",\"entity\":").append(route.entity_json);
  out->append(",\"entity_type\":").append(route.entity_json).append(",\"entity_id\":");
  AppendEntityId(route, *change.relation, row, out);
  out->append(",\"subject\":");
  AppendJsonString(event.message.subject, out);
  out->append(",\"timestamp\":\"").append(event.commit_time).append("\",\"data\":");
  AppendRow(route, *change.relation, row, out);
  if (change.operation == Operation::kUpdate) {
    if (change.has_old_row) AppendChanges(route, change, out);
    AppendUnchanged(route, change, out);
  }
  out->push_back('}');
}

void AppendFraiseqlSchema(const SchemaInput& input, std::string* out) {
  const std::string& entity = input.route.entity_json;
  out->append(R"({"type":"object","properties":{"id":{"type":"string","format":"uuid"},"event":)");
  out->append(R"({"const":")").append(OperationName(input.operation));
  out->append(R"("},"event_type":{"const":")").append(EventType(input.operation));
  out->append(R"("},"entity":{"const":)").append(entity);
  out->append(R"(},"entity_type":{"const":)").append(entity);
  out->append(R"(},"entity_id":{"type":["string","null"]},"subject":{"type":"string"},)");
  out->append(R"("timestamp":{"type":"string","format":"date-time"},"data":)");
  AppendSchemaOfRow(input, out);
  if (input.operation == Operation::kUpdate) {
    out->append(R"(,"changes":)");
    AppendSchemaOfChanges(input, out);
    out->append(R"(,"unchanged":)").append(kSchemaOfUnchanged);
  }
  out->append(R"(},"required":["id","event","event_type","entity","entity_type","entity_id",)");
  out->append(R"("subject","timestamp","data"]})");
}

}  // namespace fraiseql
