// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <string_view>

extern "C" {
#include "access/htup.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// The bytes of a tuple, as a backfill has written them into the log, as one that can be read: they
// lie anywhere in the log.  Null if they cannot be a whole row of the relation, without TOAST
// pointers: every length and every offset is checked, but not what a value is made of.  In the
// current memory context.
HeapTuple TupleFromLog(::Relation relation, std::string_view bytes);

}  // namespace fraiseql::pg
