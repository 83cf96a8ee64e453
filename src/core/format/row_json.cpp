// SPDX-License-Identifier: PostgreSQL
#include "core/format/row_json.h"

#include "core/base/json_text.h"

namespace fraiseql {

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

// One of several columns: the colon separates them, so the value has none.
static void AppendKeyPart(std::string_view json, std::string* id) {
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

bool IsChanged(const Route& route, const Change& change, size_t column) {
  return change.has_old_row && route.include[column] &&
         change.old_row.state(column) == RowImage::State::kPresent &&
         change.new_row.state(column) == RowImage::State::kPresent &&
         change.old_row.json(column) != change.new_row.json(column);
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

}  // namespace fraiseql
