// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "access/xlogdefs.h"
}

namespace fraiseql::pg {

// Raises if the rows of the table cannot be published now, or nobody is told of them; else makes it
// this session's turn, and returns the columns by which to go through the table.  `observer`: the
// one that is told, or null for all of them.  `*confirmed`: how far the log is published to all
// streams that they go to.
const char* RequireBackfill(Oid relation, const char* observer, XLogRecPtr* confirmed);

}  // namespace fraiseql::pg
