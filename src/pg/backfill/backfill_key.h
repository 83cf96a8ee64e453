// SPDX-License-Identifier: PostgreSQL
#pragma once

// The order in which a backfill goes through a table.  Include after postgres.h.

extern "C" {
#include "access/attnum.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// The columns of a unique index that are never null, and SQL that compares them.  Operators are
// those of the types' own order, named in full, whatever the search path is.  Plain data; the texts
// live in the memory context that was current.
struct BackfillKey {
  int count;
  Oid types[INDEX_MAX_KEYS];
  const char* columns;  // a, "B"
  const char* behind;   // condition on rows that come behind the key $1, $2
  const char* same;     // condition on the row of the key $1, $2
};

// Of the primary key, else of the replica identity, else of any other unique index; raises if there
// is none.  REQUIRES: a lock on the relation.
BackfillKey FindBackfillKey(::Relation relation);

// A key as text, an array literal that no setting has an influence on, and back.  In the current
// memory context; may raise.  REQUIRES: PinSettings().
const char* KeyToText(const char* const* values, int count);
void TextToKey(const BackfillKey& key, const char* literal, Datum* values);

}  // namespace fraiseql::pg
