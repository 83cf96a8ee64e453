// SPDX-License-Identifier: PostgreSQL
// The triggers of the table fraiseql_nats.stream: check a row before it is written, and start,
// restart or end the workers at the end of the transaction.
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

#include "pg/base/sql_function.h"
#include "pg/base/guard.h"
#include "pg/base/own_objects.h"
#include "pg/settings/stream_rows.h"
#include "pg/shared/stream_entries.h"
#include "pg/slot/unserved_streams.h"
#include "pg/sql/sql_stream_table.h"
#include "pg/sql/stream_deletion.h"

namespace fraiseql::pg {

namespace {

// What the current transaction has done.
struct {
  bool touched;          // rows may have changed
  StreamEntry* streams;  // the rows at its commit; in TopMemoryContext
  int count;
} pending;

void Forget() {
  ForgetStreamDeletions();
  if (pending.streams != nullptr) pfree(pending.streams);
  pending = {};
}

// Reads the rows while an error can still abort, and makes the default slot keep the log for new
// streams.
void BeforeCommit() {
  CommandCounterIncrement();  // makes the writes of the last command visible
  auto& rows = *NewInContext<std::vector<StreamRow>>(CurrentMemoryContext);
  if (OidIsValid(FindOwnTable(kStreamTableName))) LoadStreamRows(&rows);
  pending.count = static_cast<int>(rows.size());
  pending.streams = static_cast<StreamEntry*>(
      MemoryContextAlloc(TopMemoryContext, sizeof(StreamEntry) * Max(rows.size(), 1)));
  DeleteDroppedStreams(rows);
  ListStreamEntries(MyDatabaseId, rows, pending.streams);
  if (!ReserveStreams(MyDatabaseId, pending.streams, pending.count)) {
    WarnOfUnservedStreams(MyDatabaseId, rows);
  }
}

void OnTransactionEnd(XactEvent event, void*) {
  if (!pending.touched) return;
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      Guard([] { BeforeCommit(); });
      break;
    case XACT_EVENT_PRE_PREPARE:
      ereport(ERROR,
              (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
               errmsg("cannot PREPARE a transaction that has changed fraiseql_nats.stream")));
      break;
    case XACT_EVENT_COMMIT:
      SettleStreams(MyDatabaseId, pending.streams, pending.count);
      Forget();
      break;
    case XACT_EVENT_ABORT:
      ReleaseStreams(MyDatabaseId);
      Forget();
      break;
    default:
      break;
  }
}

// Transactions that change the streams wait for one another, so that each sees all rows at its
// commit.
Datum StreamChanged(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_TRIGGER(fcinfo)) elog(ERROR, "not called as a trigger");
  auto* trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event)) {
    const bool update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
    HeapTuple tuple = update ? trigger->tg_newtuple : trigger->tg_trigtuple;
    auto* row = NewInContext<StreamRow>(CurrentMemoryContext);
    ReadStreamRow(tuple, RelationGetDescr(trigger->tg_relation), row);
    CheckStreamRow(*row);
    return PointerGetDatum(tuple);
  }
  (void)LockStreams(true);
  CacheInvalidateRelcache(trigger->tg_relation);  // sessions cache the rows
  if (shared != nullptr) pending.touched = true;
  return Datum{0};
}

}  // namespace

void InstallStreamTable() { RegisterXactCallback(OnTransactionEnd, nullptr); }

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_stream_changed, StreamChanged(fcinfo));
