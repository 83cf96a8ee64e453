// SPDX-License-Identifier: PostgreSQL
#pragma once

// The progress of backfills: the tables backfill_progress and backfill_busy.  The transactions that
// publish the rows write them, with the rights of the caller.  All functions may raise; results are
// in the current memory context.  REQUIRES: SPI, and that a snapshot can be taken.  Include after
// postgres.h.

extern "C" {
#include "datatype/timestamp.h"
#include "utils/array.h"
}

#include "pg/backfill/backfill.h"

namespace fraiseql::pg {

constexpr char kProgressTableName[] = "backfill_progress";

// The row of a table, with the arguments of its backfill.
struct BackfillProgress {
  bool exists;
  const char* filter;    // null: none
  const char* observer;  // null: all
  const char* key_columns;
  const char* last_key;  // null: at the beginning
  bool read_through;     // only busy rows are left
  int64 rows_published;
  TimestampTz finished_at;  // 0: it is not finished
  bool is_lost;             // it must be restarted
};
BackfillProgress ReadProgress(Oid relation);

// Replaces the existing row by one without progress.
void BeginProgress(Oid relation, const char* filter, const char* observer, const char* key_columns);
// Marks a lost backfill as restarted.
void ForgetLoss(Oid relation);
// False if the backfill has been lost meanwhile.
bool FinishProgress(Oid relation);

// Rows that other sessions were changing.
struct BusyRows {
  ArrayType* keys;  // text[]; null: none are left
  int64 last_id;
};
// The next busy rows after an id; continues with the first ones after the last one.
BusyRows NextBusyRows(Oid relation, int64 behind_id, int limit);

// Records the result of PublishRows() for the rows with these keys, or (null) for those after the
// last key; does nothing if the backfill has been lost meanwhile.
void KeepProgress(Oid relation, ArrayType* keys, const RowsPublished& done);

}  // namespace fraiseql::pg
