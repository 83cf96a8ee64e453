// SPDX-License-Identifier: PostgreSQL
#pragma once

// The order in which a backfill reads a table.  Include after postgres.h.

extern "C" {
#include "access/attnum.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// The columns of a unique index that are never null, and SQL that compares them.  The operators are
// those of the types' default order, schema-qualified, so that the search path has no effect.
// Plain data; the texts live in the memory context that was current.
struct BackfillKey {
  int count;
  Oid types[INDEX_MAX_KEYS];
  const char* columns;  // a, "B"
  const char* behind;   // condition for rows after the key $1, $2
  const char* same;     // condition for the row with the key $1, $2
};

// Returns the columns of the primary key, else of the replica identity, else of any other unique
// index; raises if there is none.  REQUIRES: a lock on the relation.
BackfillKey FindBackfillKey(::Relation relation);

// Converts a key to text, an array literal that does not depend on settings, and back.  In the
// current memory context; may raise.  REQUIRES: PinSettings().
const char* KeyToText(const char* const* values, int count);
void TextToKey(const BackfillKey& key, const char* literal, Datum* values);

}  // namespace fraiseql::pg
