// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "access/xlogdefs.h"
}

namespace fraiseql::pg {

// Raises if the rows of the table cannot be published now, or no observer gets them; else takes the
// backfill lock, and returns the columns that order the rows.  `observer`: the only one that gets
// them, or null for all.  `*confirmed`: the position up to which the log is published to all
// streams of the rows.
const char* RequireBackfill(Oid relation, const char* observer, XLogRecPtr* confirmed);

}  // namespace fraiseql::pg
