// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
}

namespace fraiseql::pg {

// Appends {"name": "value", "other": ["one", "two"]} as header lines in UTF-8.  True if
// Content-Type is among them.  Raises if the value is not of this form, or has a reserved name.
// Headers of a message that was published before (`as_sent`) may have reserved names; those that
// identify the message and its position are left out.
bool AppendHeaderLines(Jsonb* headers, bool as_sent, StringInfo lines);

}  // namespace fraiseql::pg
