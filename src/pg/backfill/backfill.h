// SPDX-License-Identifier: PostgreSQL
#pragma once

// Publishes rows that are there already, as they are.  Include after postgres.h.
//
// A row is locked against changes (FOR SHARE), its newest version is written into the log as a
// message of the current transaction, and the lock lasts until that has committed.  So the place of
// the commit is the place of the row's state: whatever changed it before has committed before, and
// whatever changes it after commits after.

extern "C" {
#include "access/xlogdefs.h"
#include "utils/array.h"
}

namespace fraiseql::pg {

// Texts are in the server's encoding, keys those of pg/backfill/backfill_key.
struct RowsToPublish {
  Oid relation;
  const char* observer;  // who is told; null: all observers of the table
  const char* filter;    // SQL: which rows; null: all
  const char* behind;    // the rows that follow on this key; null: from the first one on
  ArrayType* keys;       // text[]: these rows instead; null: those behind
  int limit;             // how many to look at
};

struct RowsPublished {
  int64 published;
  int64 passed;           // over: the filter does not want them
  const char* last_key;   // of the rows looked at; null: there were none
  ArrayBuildState* busy;  // keys of the rows that others are changing; null: none.  They are left.
  XLogRecPtr end;         // of what was written
};

// Never waits for a row.  Reads as the current user, with the search path of the session, but also
// rows that the current user may not change.  In the current memory context; may raise.
RowsPublished PublishRows(const RowsToPublish& rows);

}  // namespace fraiseql::pg
