// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
}

namespace fraiseql::pg {

// Appends {"name": "value", "other": ["one", "two"]} as header lines in UTF-8.  True if
// Content-Type is among them.  Raises if it is something else, or has a reserved name; but headers
// of a message as it was sent (`as_sent`) have reserved names, of which those that say which
// message it is, and where it stands, are left out.
bool AppendHeaderLines(Jsonb* headers, bool as_sent, StringInfo lines);

}  // namespace fraiseql::pg
