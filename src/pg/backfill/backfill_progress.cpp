// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"
}

#include "pg/backfill/backfill_progress.h"
#include "pg/base/pinned_settings.h"

namespace fraiseql::pg {

namespace {

// The arguments of a statement.  The first one is always the table.
struct Arguments {
  static constexpr int kMost = 8;
  int count;
  Oid types[kMost];
  Datum values[kMost];
  char nulls[kMost];

  void Add(Oid type, Datum value, bool is_null = false) {
    types[count] = type;
    values[count] = value;
    nulls[count++] = is_null ? 'n' : ' ';
  }
  void AddText(const char* text) {
    Add(TEXTOID, text != nullptr ? CStringGetTextDatum(text) : Datum{0}, text == nullptr);
  }
};

Arguments ArgumentsOf(Oid relation) {
  Arguments arguments{};
  arguments.Add(REGCLASSOID, ObjectIdGetDatum(relation));
  return arguments;
}

// Executes with pinned settings, because the statement has unqualified names.  Returns the number
// of rows.
uint64 Execute(const char* sql, Arguments arguments) {
  const int nest_level = NewGUCNestLevel();
  PinSettings(true);
  const int result = SPI_execute_with_args(sql, arguments.count, arguments.types, arguments.values,
                                           arguments.nulls, false, 0);
  AtEOXact_GUC(false, nest_level);
  if (result < 0) elog(ERROR, "SPI_execute_with_args() failed: %s", SPI_result_code_string(result));
  return SPI_processed;
}

// Returns a column of the first row of the result.
Datum Column(int number, bool* is_null) {
  return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number, is_null);
}

const char* TextColumn(int number) {
  bool is_null = true;
  const Datum value = Column(number, &is_null);
  return is_null ? nullptr : TextDatumGetCString(value);
}

}  // namespace

BackfillProgress ReadProgress(Oid relation) {
  BackfillProgress progress{};
  progress.exists =
      Execute(
          "SELECT filter, observer, key_columns, last_key, read_through, rows_published, "
          "finished_at, lost_at IS NOT NULL "
          "FROM fraiseql_nats.backfill_progress WHERE relation = $1",
          ArgumentsOf(relation)) > 0;
  if (!progress.exists) return progress;
  bool is_null = true;
  progress.filter = TextColumn(1);
  progress.observer = TextColumn(2);
  progress.key_columns = TextColumn(3);
  progress.last_key = TextColumn(4);
  progress.read_through = DatumGetBool(Column(5, &is_null));
  progress.rows_published = DatumGetInt64(Column(6, &is_null));
  const Datum finished_at = Column(7, &is_null);
  progress.finished_at = is_null ? 0 : DatumGetTimestampTz(finished_at);
  progress.is_lost = DatumGetBool(Column(8, &is_null));
  SPI_freetuptable(SPI_tuptable);
  return progress;
}

void BeginProgress(Oid relation, const char* filter, const char* observer,
                   const char* key_columns) {
  (void)Execute("DELETE FROM fraiseql_nats.backfill_progress WHERE relation = $1",
                ArgumentsOf(relation));
  Arguments arguments = ArgumentsOf(relation);
  arguments.AddText(filter);
  arguments.AddText(observer);
  arguments.AddText(key_columns);
  (void)Execute(
      "INSERT INTO fraiseql_nats.backfill_progress (relation, filter, observer, key_columns, "
      "rows_estimated) "
      "SELECT $1, $2, $3, $4, CASE WHEN min(c.reltuples) >= 0 THEN sum(c.reltuples) END "
      "FROM pg_class c WHERE c.relkind = 'r' "
      "AND (c.oid = $1 OR c.oid IN (SELECT t.relid FROM pg_partition_tree($1) t))",
      arguments);
}

void ForgetLoss(Oid relation) {
  (void)Execute(
      "UPDATE fraiseql_nats.backfill_progress SET lost_at = NULL, started_at = clock_timestamp() "
      "WHERE relation = $1",
      ArgumentsOf(relation));
}

bool FinishProgress(Oid relation) {
  return Execute(
             "UPDATE fraiseql_nats.backfill_progress SET finished_at = clock_timestamp(), "
             "updated_at = clock_timestamp(), \"position\" = pg_current_wal_insert_lsn() "
             "WHERE relation = $1 AND lost_at IS NULL",
             ArgumentsOf(relation)) > 0;
}

BusyRows NextBusyRows(Oid relation, int64 behind_id, int limit) {
  Arguments arguments = ArgumentsOf(relation);
  arguments.Add(INT8OID, Int64GetDatum(behind_id));
  arguments.Add(INT4OID, Int32GetDatum(limit));
  (void)Execute(
      "SELECT array_agg(b.key ORDER BY b.turn, b.id), "
      "(array_agg(b.id ORDER BY b.turn DESC, b.id DESC))[1] "
      "FROM (SELECT x.id, x.key, x.id <= $2 AS turn FROM fraiseql_nats.backfill_busy x "
      "WHERE x.relation = $1 ORDER BY x.id <= $2, x.id LIMIT $3) b",
      arguments);
  BusyRows rows{};
  bool is_null = true;
  const Datum keys = Column(1, &is_null);
  if (!is_null) {
    rows.keys = DatumGetArrayTypePCopy(keys);
    rows.last_id = DatumGetInt64(Column(2, &is_null));
  }
  SPI_freetuptable(SPI_tuptable);
  return rows;
}

void KeepProgress(Oid relation, ArrayType* keys, const RowsPublished& done) {
  const bool behind = keys == nullptr;
  Arguments arguments = ArgumentsOf(relation);
  arguments.Add(BOOLOID, BoolGetDatum(behind));
  arguments.AddText(done.last_key);
  arguments.Add(INT8OID, Int64GetDatum(done.published));
  arguments.Add(INT8OID, Int64GetDatum(done.passed));
  arguments.Add(PG_LSNOID, LSNGetDatum(done.end), XLogRecPtrIsInvalid(done.end));
  const bool kept = Execute(
                        "UPDATE fraiseql_nats.backfill_progress SET "
                        "last_key = CASE WHEN $2 THEN coalesce($3, last_key) ELSE last_key END, "
                        "read_through = read_through OR $3 IS NULL, "
                        "rows_published = rows_published + $4, rows_passed = rows_passed + $5, "
                        "\"position\" = coalesce($6, \"position\"), updated_at = clock_timestamp() "
                        "WHERE relation = $1 AND lost_at IS NULL",
                        arguments) > 0;
  if (!kept) return;
  const Datum busy = done.busy != nullptr ? makeArrayResult(done.busy, CurrentMemoryContext)
                                          : PointerGetDatum(construct_empty_array(TEXTOID));
  arguments = ArgumentsOf(relation);
  arguments.Add(TEXTARRAYOID, busy);
  if (behind) {
    (void)Execute(
        "INSERT INTO fraiseql_nats.backfill_busy (relation, key) SELECT $1, k FROM unnest($2) k",
        arguments);
  } else {
    arguments.Add(TEXTARRAYOID, PointerGetDatum(keys));
    (void)Execute(
        "DELETE FROM fraiseql_nats.backfill_busy "
        "WHERE relation = $1 AND key = ANY ($3) AND key <> ALL ($2)",
        arguments);
  }
}

}  // namespace fraiseql::pg
