// SPDX-License-Identifier: PostgreSQL
#pragma once

// Tests of rows against the filters of observers while the log is decoded.  Include after
// postgres.h.

#include "core/change/change.h"

extern "C" {
#include "access/htup.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// A column that a test looks at.
struct TestedColumn {
  int varno;     // see observer_filter.h
  int position;  // in core's Relation, and in the rows of a Change
};

// One filter, ready for the rows of one relation.  Plain data in a memory context.
struct RowTest {
  const char* trouble;  // why it cannot be tested with any row; null: it can
  ExprState* state;
  int column_count;
  const TestedColumn* columns;
};

// The rows of one relation, as tests look at them.  Plain data in a memory context of its own.
struct TestedRows {
  MemoryContext context;
  ExprContext* expression_context;
  TupleTableSlot* new_row;
  TupleTableSlot* old_row;
};

// Makes ready for the rows of `relation`.  All of it goes with its context, which is a child of
// `parent`.  May raise.
TestedRows* MakeTestedRows(::Relation relation, MemoryContext parent);

// Makes a test out of a text in UTF-8 for rows whose columns stand at `positions` (by index in the
// tuple; -1: nowhere).  A text that is no expression over the relation any more, since a column was
// dropped or renamed, say, is a test with trouble.  Lives in the context of `rows`.
// May raise.  REQUIRES: a decoding callback, PinSettings()
const RowTest* MakeRowTest(const char* text, ::Relation relation, const int* positions,
                           TestedRows* rows);

// Puts the tuples of a change in their place, for any number of tests.  `change` tells what of
// them is in the log.  May raise.
void LoadRows(const TestedRows& rows, ::Relation relation, const Change& change,
              HeapTuple old_tuple, HeapTuple new_tuple);

// Whether the rows meet the test.  Returns null, or why it cannot be said (in the current memory
// context).  Raises what is not the expression's own fault.
const char* Evaluate(const RowTest& test, const TestedRows& rows, const Change& change,
                     bool* holds);

}  // namespace fraiseql::pg
