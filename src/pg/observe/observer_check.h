// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
}

#include "pg/base/warning.h"

namespace fraiseql::pg {

// Raises unless the row of the observer table is a valid observer that the current user may create;
// with `warn`, warns about changes that it can never get.
void CheckObserver(HeapTuple tuple, TupleDesc desc, bool warn);

// Checks a row that was valid when it was written: raises if it no longer is, because a table or a
// column is gone, say.  Warnings go to `sink`.  Says nothing about its stream.
void CheckStoredObserver(HeapTuple tuple, TupleDesc desc, const WarningSink& sink);

// Returns the row with the stream of its messages in the column `stream`: null for the default
// stream.  Raises if it names a stream that does not exist, or if two streams take its subject.
HeapTuple ChooseStreamOfObserver(HeapTuple tuple, TupleDesc desc);

// The same as CheckObserver() for a row of a dump, with a warning instead of an error: returns an
// invalid row disabled.
HeapTuple CheckRestoredObserver(HeapTuple tuple, TupleDesc desc);

}  // namespace fraiseql::pg
