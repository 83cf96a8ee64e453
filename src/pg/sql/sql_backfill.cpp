// SPDX-License-Identifier: PostgreSQL
// What the procedure fraiseql_nats.backfill() needs of C.  It is written in SQL, since it commits
// chunk by chunk.
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
}

#include "pg/base/sql_function.h"
#include "pg/backfill/backfill.h"
#include "pg/backfill/backfill_key.h"
#include "pg/base/commit_visibility.h"
#include "pg/settings/gucs.h"
#include "pg/base/guard.h"
#include "pg/capture/log_writer.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"
#include "pg/slot/slot.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

// The view fraiseql_nats.backfill looks for this lock.
constexpr char kProgressTableName[] = "backfill_progress";

// What makes this session the one that backfills a table: a lock of the session, since transactions
// come and go meanwhile.
struct BackfillLock {
  bool taken;
  LOCKTAG tag;
} backfill_lock;

void ReleaseBackfillLock() {
  if (!backfill_lock.taken) return;
  backfill_lock.taken = false;
  (void)LockRelease(&backfill_lock.tag, ExclusiveLock, true);
}

// An error ends the procedure.
void OnTransactionEnd(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT) ReleaseBackfillLock();
}

void AcquireBackfillLock(Oid relation) {
  static bool registered = false;
  if (!registered) {
    RegisterXactCallback(OnTransactionEnd, nullptr);
    registered = true;
  }
  if (backfill_lock.taken && backfill_lock.tag.locktag_field3 == relation) return;
  ReleaseBackfillLock();
  SET_LOCKTAG_OBJECT(backfill_lock.tag, MyDatabaseId, FindOwnTable(kProgressTableName), relation,
                     0);
  if (LockAcquire(&backfill_lock.tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL) {
    ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                    errmsg("another session backfills table \"%s\" now", get_rel_name(relation)),
                    errhint("See the view fraiseql_nats.backfill.")));
  }
  backfill_lock.taken = true;
}

bool Backfills(const Observer& observer, const List* tables) {
  return list_member_oid(tables, observer.relation) && observer.source != Source::kNotify &&
         (observer.operations & SetOf(Operation::kInsert)) != 0;
}

// Rows that nobody is told of would be passed over in silence.
void RequireObserver(Oid relation, const char* name) {
  List* tables = list_make1_oid(relation);
  if (get_rel_relispartition(relation)) {
    tables = list_concat(tables, get_partition_ancestors(relation));
  }
  const std::string_view wanted = name != nullptr ? ToUtf8View(name) : std::string_view{};
  auto* loaded = NewInContext<LoadedObservers>(CurrentMemoryContext);
  LoadObservers(nullptr, loaded);
  const bool found = std::any_of(
      loaded->observers.begin(), loaded->observers.end(), [=](const Observer& observer) {
        return (name == nullptr || observer.name == wanted) && Backfills(observer, tables);
      });
  if (found) return;
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no observer wants the rows of table \"%s\"", get_rel_name(relation)),
                    errdetail("They go to the enabled observers of the table whose events include "
                              "INSERT and whose source is not notify."),
                    errhint("Make one with fraiseql_nats.observe().")));
  }
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("observer \"%s\" does not want the rows of table \"%s\"", name,
                         get_rel_name(relation)),
                  errdetail("It must exist, be enabled, be of this table, have INSERT among its "
                            "events, and not have the source notify.")));
}

void RequireSlot() {
  RequireLogicalLog("backfill");
  const SlotName slot = OwnSlotName({MyDatabaseId, kDefaultStream});
  if (SlotIsReady(slot.c_str())) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("replication slot \"%s\" is not ready", slot.c_str()),
                  errdetail("What is written before is not published."),
                  errhint("See fraiseql_nats.status() for what it waits for.")));
}

Oid TableArgument(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("relation must not be null")));
  }
  return PG_GETARG_OID(0);
}

Datum Check(FunctionCallInfo fcinfo) {
  PreventCommandDuringRecovery("fraiseql_nats.backfill()");
  if (IsTransactionBlock()) {
    ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                    errmsg("fraiseql_nats.backfill() cannot run inside a transaction block"),
                    errdetail("It commits chunk by chunk.")));
  }
  const Oid oid = TableArgument(fcinfo);
  RequireSlot();
  ::Relation relation = try_table_open(oid, AccessShareLock);
  if (relation == nullptr) {
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", oid)));
  }
  RequireObservableTable(oid);
  RequireObserver(oid, OptionalText(fcinfo, 1));
  AcquireBackfillLock(oid);
  const BackfillKey key = FindBackfillKey(relation);
  table_close(relation, NoLock);
  return CStringGetTextDatum(key.columns);
}

Datum Rows(FunctionCallInfo fcinfo) {
  RowsToPublish rows{};
  rows.relation = TableArgument(fcinfo);
  RequireObservableTable(rows.relation);
  rows.filter = OptionalText(fcinfo, 1);
  rows.observer = OptionalText(fcinfo, 2);
  rows.behind = OptionalText(fcinfo, 3);
  rows.keys = PG_ARGISNULL(4) ? nullptr : PG_GETARG_ARRAYTYPE_P(4);
  rows.limit = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT32(5);
  if (rows.limit < 1 || (rows.keys != nullptr && array_contains_nulls(rows.keys))) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid keys or number of rows for a backfill")));
  }
  const RowsPublished done = PublishRows(rows);
  ResultRow row;
  row.AddNumber(static_cast<uint64>(done.published));
  row.AddNumber(static_cast<uint64>(done.passed));
  const bool no_key = done.last_key == nullptr;
  row.Add(no_key ? Datum{0} : CStringGetTextDatum(done.last_key), no_key);
  row.Add(done.busy != nullptr ? makeArrayResult(done.busy, CurrentMemoryContext)
                               : PointerGetDatum(construct_empty_array(TEXTOID)));
  row.AddLsn(done.end);
  return row.AsResult(fcinfo);
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_backfill_check, Check(fcinfo));
SQL_FUNCTION(fraiseql_nats_backfill_rows, Rows(fcinfo));
SQL_FUNCTION(fraiseql_nats_backfill_end, ReleaseBackfillLock());
SQL_FUNCTION(fraiseql_nats_await_commits, AwaitLoggedCommits());
