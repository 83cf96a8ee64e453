// SPDX-License-Identifier: PostgreSQL
#include "core/format/format_row.h"

#include "core/format/row_json.h"
#include "core/format/row_schema.h"

namespace fraiseql {

void AppendRowPayload(const RowEvent& event, std::string* out) {
  AppendRow(event.route, *event.change.relation, RowOf(event.change), out);
}

void AppendRowSchema(const SchemaInput& input, std::string* out) { AppendSchemaOfRow(input, out); }

}  // namespace fraiseql
