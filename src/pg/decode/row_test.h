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

// A column that a test reads.
struct TestedColumn {
  int varno;     // see observer_filter.h
  int position;  // in core's Relation, and in the rows of a Change
};

// One filter, prepared for the rows of one relation.  Plain data in a memory context.
struct RowTest {
  const char* trouble;  // why it cannot be evaluated for any row; null: it can
  ExprState* state;
  int column_count;
  const TestedColumn* columns;
};

// The rows of one relation, in the slots that tests read.  Plain data in a memory context of its
// own.
struct TestedRows {
  MemoryContext context;
  ExprContext* expression_context;
  TupleTableSlot* new_row;
  TupleTableSlot* old_row;
};

// Prepares for the rows of `relation`.  Everything is allocated in its context, a child of
// `parent`.  May raise.
TestedRows* MakeTestedRows(::Relation relation, MemoryContext parent);

// Makes a test from a text in UTF-8 for rows whose columns are at `positions` (by index in the
// tuple; -1: none).  A text that is no longer a valid expression over the relation, because a
// column was dropped or renamed for example, becomes a test with `trouble`.  Lives in the context
// of `rows`.  May raise.  REQUIRES: a decoding callback, PinSettings()
const RowTest* MakeRowTest(const char* text, ::Relation relation, const int* positions,
                           TestedRows* rows);

// Stores the tuples of a change in the slots, for any number of tests.  `change` says which values
// the log has.  May raise.
void LoadRows(const TestedRows& rows, ::Relation relation, const Change& change,
              HeapTuple old_tuple, HeapTuple new_tuple);

// Whether the rows meet the test.  Returns null, or why it cannot be evaluated (in the current
// memory context).  Re-throws errors that do not come from the expression.
const char* Evaluate(const RowTest& test, const TestedRows& rows, const Change& change,
                     bool* holds);

}  // namespace fraiseql::pg
