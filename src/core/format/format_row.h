// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>

#include "core/format/format.h"

namespace fraiseql {

// The bare row.  The wire contract: ROW (see core/format/format.h), and for TRUNCATE null.
void AppendRowPayload(const RowEvent& event, std::string* out);
void AppendRowSchema(const SchemaInput& input, std::string* out);

}  // namespace fraiseql
