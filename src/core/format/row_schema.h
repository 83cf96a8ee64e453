// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/format/format.h"

namespace fraiseql {

// Parts that the schemas of several formats share: those of core/format/row_json.h, as JSON Schemas
// (draft 7).

// Of AppendRow().  Requires the columns that every message has.
void AppendSchemaOfRow(const SchemaInput& input, std::string* out);

// Of AppendChanges().
void AppendSchemaOfChanges(const SchemaInput& input, std::string* out);

// Of AppendUnchanged().
constexpr std::string_view kSchemaOfUnchanged = R"({"type":"array","items":{"type":"string"}})";

}  // namespace fraiseql
