// SPDX-License-Identifier: PostgreSQL
#pragma once

// Publishes existing rows in their current state.  Include after postgres.h.
//
// A row is locked against changes (FOR SHARE), its newest version is written into the log as a
// message of the current transaction, and the lock lasts until the transaction has committed.  So
// the position of the commit is right for the row's state: every earlier change of the row commits
// before, and every later one after.

extern "C" {
#include "access/xlogdefs.h"
#include "utils/array.h"
}

namespace fraiseql::pg {

// Texts are in the server's encoding, keys in the format of pg/backfill/backfill_key.
struct RowsToPublish {
  Oid relation;
  const char* observer;  // the one observer that gets the rows; null: all observers of the table
  const char* filter;    // SQL: which rows; null: all
  const char* behind;    // the rows after this key; null: from the first one
  ArrayType* keys;       // text[]: the rows with these keys; null: those after `behind`
  int limit;             // number of rows to read
};

struct RowsPublished {
  int64 published;
  int64 passed;           // skipped by the filter
  const char* last_key;   // of the rows read; null: there were none
  ArrayBuildState* busy;  // keys of rows that others are changing, not published; null: none
  XLogRecPtr end;         // end of the last record written
};

// Never waits for a row.  Reads as the current user, with the session's search path, but also rows
// that the current user may not change.  Result in the current memory context; may raise.
RowsPublished PublishRows(const RowsToPublish& rows);

}  // namespace fraiseql::pg
