// SPDX-License-Identifier: PostgreSQL
#pragma once

// How far backfills are: the tables backfill_progress and backfill_busy.  They are written by the
// transactions that publish the rows, with the rights of the caller.  All of it may raise; results
// are in the current memory context.  REQUIRES: SPI, and a snapshot that can be taken.  Include
// after postgres.h.

extern "C" {
#include "datatype/timestamp.h"
#include "utils/array.h"
}

#include "pg/backfill/backfill.h"

namespace fraiseql::pg {

constexpr char kProgressTableName[] = "backfill_progress";

// The row of a table, and what was asked for with it.
struct BackfillProgress {
  bool exists;
  const char* filter;    // null: none
  const char* observer;  // null: all
  const char* key_columns;
  const char* last_key;  // null: at the beginning
  bool read_through;     // what is left are the rows that were busy
  int64 rows_published;
  TimestampTz finished_at;  // 0: it is not finished
  bool is_lost;             // it has to begin anew
};
BackfillProgress ReadProgress(Oid relation);

// Puts a row that says nothing is done in the place of the one there is.
void BeginProgress(Oid relation, const char* filter, const char* observer, const char* key_columns);
// It begins anew, and is lost no more.
void ForgetLoss(Oid relation);
// False if it has been lost meanwhile.
bool FinishProgress(Oid relation);

// Rows that others were changing.
struct BusyRows {
  ArrayType* keys;  // text[]; null: there are none left
  int64 last_id;
};
// The next ones behind an id, and after the last one the first ones again.
BusyRows NextBusyRows(Oid relation, int64 behind_id, int limit);

// Keeps what PublishRows() has done, of the rows with these keys or (null) of those behind the last
// one; unless it has been lost meanwhile.
void KeepProgress(Oid relation, ArrayType* keys, const RowsPublished& done);

}  // namespace fraiseql::pg
