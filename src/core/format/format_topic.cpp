// SPDX-License-Identifier: PostgreSQL
#include "core/format/format_topic.h"

#include <algorithm>

#include "core/base/ascii.h"
#include "core/base/json_text.h"
#include "core/format/row_json.h"
#include "core/format/row_schema.h"
#include "core/route/topic.h"

namespace fraiseql {

namespace {

void AppendType(const Route& route, Operation operation, std::string* out) {
  std::string type;
  if (!route.observer->topic.empty()) {
    AppendTopicType(route.observer->topic, &type);
  } else {
    type = SnakeCase(route.entity) + '.';
    for (const char c : OperationName(operation)) type.push_back(AsciiLower(c));
  }
  AppendJsonString(type, out);
}

// Whether the format topic uses the name for something other than a column.
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
    // A column with this name takes precedence.
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

// The schemas of what AppendTopicColumns() appends.
void AppendSchemasOfColumns(const SchemaInput& input, std::string* out) {
  const Relation& relation = input.relation;
  for (size_t i = 0; i < input.columns.size(); ++i) {
    const Column& column = relation.columns[i];
    if (!input.route.include[i]) continue;
    const std::string& schema = input.columns[i].value;
    if (!column.is_key && !IsTopicField(input.route, column)) {
      out->append(",").append(column.json_key).append(schema);
    }
    if (input.operation != Operation::kUpdate) continue;
    for (const std::string_view prefix : {"new_", "previous_"}) {
      if (HasColumn(relation, prefix, column)) continue;
      AppendPrefixedKey(prefix, column, out);
      out->append(schema);
    }
  }
}

}  // namespace

void AppendTopicPayload(const RowEvent& event, std::string* out) {
  const Route& route = event.route;
  const Change& change = event.change;
  const RowImage* row = RowOf(change);
  out->append("{\"type\":");
  AppendType(route, change.operation, out);
  out->append(",\"timestamp\":\"").append(event.commit_time).append("\",").append(route.id_key);
  AppendEntityId(route, *change.relation, row, out);
  if (row != nullptr) AppendTopicColumns(route, change, *row, out);
  out->append(",\"data\":");
  AppendRow(route, *change.relation, row, out);
  if (change.operation == Operation::kUpdate) AppendUnchanged(route, change, out);
  out->push_back('}');
}

void AppendTopicSchema(const SchemaInput& input, std::string* out) {
  const Route& route = input.route;
  out->append(R"({"type":"object","properties":{"type":{"const":)");
  AppendType(route, input.operation, out);
  out->append(R"(},"timestamp":{"type":"string","format":"date-time"},)");
  out->append(route.id_key).append(R"({"type":["string","null"]})");
  if (input.operation != Operation::kTruncate) AppendSchemasOfColumns(input, out);
  out->append(R"(,"data":)");
  AppendSchemaOfRow(input, out);
  if (input.operation == Operation::kUpdate) {
    out->append(R"(,"unchanged":)").append(kSchemaOfUnchanged);
  }
  out->append(R"(},"required":["type","timestamp",)");
  out->append(route.id_key, 0, route.id_key.size() - 1).append(R"(,"data"]})");
}

}  // namespace fraiseql
