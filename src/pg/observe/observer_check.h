// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
}

namespace fraiseql::pg {

// Raises unless the row of the observer table makes an observer that the current user may make;
// with `warn`, tells of what it can never get.
void CheckObserver(HeapTuple tuple, TupleDesc desc, bool warn);

// The row with the stream that its messages go to, as fraiseql_nats.observer has it: null for the
// default stream.  Raises if it asks for one that does not exist, or two take its subject.
HeapTuple ChooseStreamOfObserver(HeapTuple tuple, TupleDesc desc);

// The same as CheckObserver() for a row of a dump, with a warning instead of an error: what is
// wrong is returned disabled.
HeapTuple CheckRestoredObserver(HeapTuple tuple, TupleDesc desc);

}  // namespace fraiseql::pg
