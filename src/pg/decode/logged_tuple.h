// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <string_view>

extern "C" {
#include "access/htup.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// Returns the bytes of a tuple, which a backfill has written into the log, as an aligned tuple in
// the current memory context.  Null if they cannot be a whole row of the relation, without TOAST
// pointers: checks every length and every offset, but not the content of a value.
HeapTuple TupleFromLog(::Relation relation, std::string_view bytes);

}  // namespace fraiseql::pg
