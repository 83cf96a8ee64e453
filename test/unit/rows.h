// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/change/change.h"
#include "core/base/json_text.h"

namespace fraiseql {

// Relations and rows for tests, written down as literals.

// Stand for a value in FillRow(); everything else is JSON.
constexpr std::string_view kAbsentValue = "(absent)";
constexpr std::string_view kUnchangedValue = "(unchanged)";

inline Relation MakeRelation(std::string schema, std::string table,
                             const std::vector<std::string>& columns,
                             std::vector<int> identity = {}) {
  Relation relation;
  relation.schema = std::move(schema);
  relation.table = std::move(table);
  relation.identity = std::move(identity);
  for (const std::string& name : columns) {
    Column column{name, {}};
    AppendJsonString(name, &column.json_key);
    column.json_key.push_back(':');
    relation.columns.push_back(column);
  }
  return relation;
}

inline void FillRow(const std::vector<std::string_view>& values, RowImage* row) {
  row->Reset(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == kAbsentValue) continue;
    if (values[i] == kUnchangedValue) {
      row->Unchanged(i);
    } else {
      row->text()->append(values[i]);
      row->Present(i);
    }
  }
}

}  // namespace fraiseql
