// SPDX-License-Identifier: PostgreSQL
#include "core/format/row_schema.h"

namespace fraiseql {

namespace {

// Whether every message has the column.  How much of an old row is logged changes with the
// table's replica identity.
bool IsRequired(const SchemaInput& input, size_t column) {
  if (input.operation == Operation::kDelete) return false;
  return input.operation != Operation::kUpdate || input.columns[column].is_always_logged_new;
}

}  // namespace

void AppendSchemaOfRow(const SchemaInput& input, std::string* out) {
  if (input.operation == Operation::kTruncate) {
    out->append(R"({"type":"null"})");
    return;
  }
  const bool may_be_unknown = input.operation == Operation::kDelete;
  out->append(may_be_unknown ? R"({"type":["object","null"],"properties":{)"
                             : R"({"type":"object","properties":{)");
  std::string required;
  bool is_first = true;
  for (size_t i = 0; i < input.columns.size(); ++i) {
    if (!input.route.include[i]) continue;
    const std::string& key = input.relation.columns[i].json_key;
    if (!is_first) out->push_back(',');
    is_first = false;
    out->append(key).append(input.columns[i].value);
    if (!IsRequired(input, i)) continue;
    if (!required.empty()) required.push_back(',');
    required.append(key, 0, key.size() - 1);  // without the colon
  }
  out->push_back('}');
  if (!required.empty()) out->append(R"(,"required":[)").append(required).append("]");
  out->push_back('}');
}

void AppendSchemaOfChanges(const SchemaInput& input, std::string* out) {
  out->append(R"({"type":"object","properties":{)");
  bool is_first = true;
  for (size_t i = 0; i < input.columns.size(); ++i) {
    if (!input.route.include[i]) continue;
    const std::string& value = input.columns[i].value;
    if (!is_first) out->push_back(',');
    is_first = false;
    out->append(input.relation.columns[i].json_key);
    out->append(R"({"type":"object","properties":{"old":)").append(value);
    out->append(R"(,"new":)").append(value).append(R"(},"required":["old","new"]})");
  }
  out->append("}}");
}

}  // namespace fraiseql
