// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

#include "pg/slot/alarm_table.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"
#include "pg/base/own_transaction.h"
#include "pg/base/server_text.h"
#include "pg/settings/gucs.h"
#include "pg/slot/slot_record.h"

namespace fraiseql::pg {

namespace {

// The columns of fraiseql_nats.gap that are read here.
constexpr int kGapSlotColumn = 5;
constexpr int kGapDetectedColumn = 8;
// Of fraiseql_nats.alarm.
constexpr int kAlarmMessageColumn = 4;
constexpr int kAlarmSlotColumn = 6;
constexpr int kAlarmAcknowledgedColumn = 8;
// And of fraiseql_nats.slot.
constexpr int kRecordSlotColumn = 1;
constexpr int kRecordBranchColumn = 5;

void Execute(const char* sql, int count, Oid* types, Datum* values, const char* nulls) {
  const int result = SPI_execute_with_args(sql, count, types, values, nulls, false, 0);
  if (result < 0) elog(ERROR, "SPI_execute_with_args() failed: %s", SPI_result_code_string(result));
}

Datum Column(int number, bool* is_null) {
  return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number, is_null);
}

// A value that is not null.
Datum Value(int number) {
  bool is_null = false;
  return Column(number, &is_null);
}

void WriteRecord(const SlotName& slot, const SlotRecord& record) {
  Oid types[] = {NAMEOID, INT8OID, INT8OID, LSNOID, TEXTOID};
  Datum values[] = {NameGetDatum(&slot.name), Int64GetDatum(static_cast<int64>(record.system_id)),
                    Int64GetDatum(record.timeline), LSNGetDatum(record.position),
                    CStringGetTextDatum(record.branch)};
  // Rows of other databases came with the template of this one; others are of dropped streams.
  Execute(
      "DELETE FROM fraiseql_nats.slot s WHERE s.slot = $1 OR s.slot::text NOT IN ("
      "SELECT 'fraiseql_nats_' || d.oid || n.suffix FROM pg_catalog.pg_database d, "
      "(SELECT '' UNION ALL SELECT '_' || x.number FROM fraiseql_nats.stream x) n (suffix) "
      "WHERE d.datname = current_database())",
      1, types, values, nullptr);
  Execute(
      "INSERT INTO fraiseql_nats.slot (slot, system_identifier, timeline, position, branch)"
      " VALUES ($1, $2, $3, $4, nullif($5, ''))",
      5, types, values, nullptr);
}

int64 LoseBackfills(XLogRecPtr gap_begin, const char* stream) {
  Oid types[] = {LSNOID, TEXTOID};
  Datum values[] = {LSNGetDatum(gap_begin), CStringGetTextDatum(stream)};
  Execute("SELECT fraiseql_nats_internal.backfill_lose($1, nullif($2, 'default'))", 2, types,
          values, nullptr);
  return DatumGetInt64(Value(1));
}

// Calls `take` for each row of one of our tables that belongs to this slot: a database created from
// a template also has the rows of the template.
template <typename Take>
void ForEachRow(const char* table_name, int slot_column, const SlotName& slot, Take take) {
  const Oid table = FindOwnTable(table_name);
  if (!OidIsValid(table)) return;
  ::Relation relation = table_open(table, AccessShareLock);
  TupleDesc desc = RelationGetDescr(relation);
  SysScanDesc scan =
      systable_beginscan(relation, InvalidOid, false, GetActiveSnapshot(), 0, nullptr);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    bool is_null = false;
    const Datum name = heap_getattr(tuple, slot_column, desc, &is_null);
    if (strcmp(NameStr(*DatumGetName(name)), slot.c_str()) == 0) take(tuple, desc);
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
}

}  // namespace

SlotRecord ReadSlotRecord(const SlotName& slot) {
  SlotRecord record;
  Oid types[] = {NAMEOID};
  Datum values[] = {NameGetDatum(&slot.name)};
  BeginOwnTransaction();
  Execute(
      "SELECT s.system_identifier, s.timeline, s.position, s.adopted, s.is_copy, s.branch, "
      "s.parted_at"
      " FROM fraiseql_nats.slot s WHERE s.slot = $1",
      1, types, values, nullptr);
  if (SPI_processed > 0) {
    bool is_null = false;
    record.known = true;
    record.system_id = static_cast<uint64>(DatumGetInt64(Value(1)));
    record.timeline = static_cast<TimeLineID>(DatumGetInt64(Value(2)));
    record.position = DatumGetLSN(Value(3));
    record.adopted = DatumGetBool(Value(4));
    record.is_copy = DatumGetBool(Value(5));
    const Datum branch = Column(6, &is_null);
    if (!is_null) strlcpy(record.branch, TextDatumGetCString(branch), sizeof(record.branch));
    const Datum parted_at = Column(7, &is_null);
    if (!is_null) record.parted_at = DatumGetLSN(parted_at);
  }
  Execute("SELECT FROM fraiseql_nats.gap g WHERE g.slot = $1 AND g.to_lsn IS NULL", 1, types,
          values, nullptr);
  record.gap_open = SPI_processed > 0;
  CommitOwnTransaction();
  return record;
}

void MarkParted(const SlotName& slot, const SlotRecord& record) {
  Oid types[] = {NAMEOID, LSNOID, BOOLOID};
  Datum values[] = {NameGetDatum(&slot.name), LSNGetDatum(record.parted_at),
                    BoolGetDatum(record.is_copy)};
  BeginOwnTransaction();
  Execute("UPDATE fraiseql_nats.slot s SET parted_at = $2, is_copy = $3 WHERE s.slot = $1", 3,
          types, values, nullptr);
  CommitOwnTransaction();
}

void OpenGap(const SlotName& slot, XLogRecPtr from, const char* reason) {
  BeginOwnTransaction();
  Oid types[] = {LSNOID, TEXTOID, NAMEOID, TEXTOID};
  Datum values[] = {LSNGetDatum(from), CStringGetTextDatum(reason), NameGetDatum(&slot.name),
                    CStringGetTextDatum(FromUtf8Anyhow(settings.stream_name))};
  const char* nulls = XLogRecPtrIsInvalid(from) ? "n   " : nullptr;
  Execute("INSERT INTO fraiseql_nats.gap (from_lsn, reason, slot, stream) VALUES ($1, $2, $3, $4)",
          4, types, values, nulls);
  // The slot of the default stream has kept the log for streams that never had a slot, too.
  Execute(
      "INSERT INTO fraiseql_nats.gap (from_lsn, reason, slot, stream)"
      " SELECT coalesce($1, d.position), $2, n.slot, x.name"
      " FROM fraiseql_nats.slot d, fraiseql_nats.stream x,"
      " LATERAL (SELECT (d.slot || '_' || x.number)::pg_catalog.name AS slot) n"
      " WHERE d.slot = $3 AND x.number > 0"
      " AND $3::text = 'fraiseql_nats_' || (SELECT b.oid FROM pg_catalog.pg_database b"
      " WHERE b.datname = current_database())"
      " AND NOT EXISTS (SELECT FROM fraiseql_nats.slot s WHERE s.slot = n.slot)"
      " AND NOT EXISTS (SELECT FROM fraiseql_nats.gap g WHERE g.slot = n.slot AND g.to_lsn IS "
      "NULL)",
      3, types, values, nulls);
  CommitOwnTransaction();
}

Gap SettleRecord(const SlotName& slot, const SlotRecord& record, XLogRecPtr published,
                 const char* subject, const char* stream) {
  BeginOwnTransaction();
  Gap gap;
  stream = FromUtf8Anyhow(stream);
  Oid types[] = {NAMEOID, LSNOID, LSNOID, INT8OID};
  Datum values[] = {NameGetDatum(&slot.name), LSNGetDatum(record.position), LSNGetDatum(published),
                    Int64GetDatum(record.timeline)};
  Execute(
      "UPDATE fraiseql_nats.gap g"
      " SET from_lsn = least(coalesce(g.from_lsn, $3), $2), to_lsn = $2, timeline = $4"
      " WHERE g.slot = $1 AND g.to_lsn IS NULL RETURNING g.from_lsn, g.reason, g.id",
      4, types, values, nullptr);
  gap.there = SPI_processed > 0;
  if (gap.there) {
    gap.from = DatumGetLSN(Value(1));
    strlcpy(gap.reason, TextDatumGetCString(Value(2)), sizeof(gap.reason));
    if (subject != nullptr) {
      Oid publish_types[] = {INT8OID, TEXTOID, TEXTOID};
      Datum publish_values[] = {Value(3), CStringGetTextDatum(subject),
                                CStringGetTextDatum(stream)};
      Execute(
          "SELECT fraiseql_nats.publish($2, pg_catalog.jsonb_build_object('type', 'gap',"
          " 'timestamp', g.detected_at, 'database', pg_catalog.current_database(), 'from_lsn',"
          " g.from_lsn, 'to_lsn', g.to_lsn, 'reason', g.reason, 'slot', g.slot, 'stream', g.stream,"
          " 'timeline', g.timeline), stream => $3) FROM fraiseql_nats.gap g WHERE g.id = $1",
          3, publish_types, publish_values, nullptr);
    }
  }
  if (gap.there) gap.backfills = LoseBackfills(gap.from, stream);
  WriteRecord(slot, record);
  CommitOwnTransaction();
  return gap;
}

void CountGaps(const SlotName& slot, int64* count, int64* last_at) {
  *count = *last_at = 0;
  ForEachRow(kGapTableName, kGapSlotColumn, slot, [=](HeapTuple tuple, TupleDesc desc) {
    bool is_null = false;
    const Datum at = heap_getattr(tuple, kGapDetectedColumn, desc, &is_null);
    *last_at = Max(*last_at, DatumGetTimestampTz(at));
    ++*count;
  });
}

const char* NewestAlarm(const SlotName& slot) {
  const char* message = nullptr;
  int64 newest = 0;
  ForEachRow(kAlarmTableName, kAlarmSlotColumn, slot, [&](HeapTuple tuple, TupleDesc desc) {
    bool is_null = false;
    const int64 id = DatumGetInt64(heap_getattr(tuple, 1, desc, &is_null));
    bool open = false;
    (void)heap_getattr(tuple, kAlarmAcknowledgedColumn, desc, &open);
    if (!open || id < newest) return;
    newest = id;
    message = TextDatumGetCString(heap_getattr(tuple, kAlarmMessageColumn, desc, &is_null));
  });
  return message;
}

void ReadBranch(const SlotName& slot, char (&branch)[kBranchSize + 1]) {
  branch[0] = '\0';
  char* to = branch;
  ForEachRow(kSlotTableName, kRecordSlotColumn, slot, [=](HeapTuple tuple, TupleDesc desc) {
    bool is_null = false;
    const Datum value = heap_getattr(tuple, kRecordBranchColumn, desc, &is_null);
    if (!is_null) strlcpy(to, TextDatumGetCString(value), sizeof(branch));
  });
}

}  // namespace fraiseql::pg
