// SPDX-License-Identifier: PostgreSQL
#pragma once

// What a type's values look like as JSON.  Include after postgres.h.

#include <string>

#include "pg/base/type_encoder.h"

namespace fraiseql::pg {

// Appends the JSON Schema (draft 7) of what AppendDatum() writes, and of null if that is possible.
// May raise; `*out` must survive that.
void AppendTypeSchema(const TypeEncoder& encoder, bool may_be_null, std::string* out);

}  // namespace fraiseql::pg
