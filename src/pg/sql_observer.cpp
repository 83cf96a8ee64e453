// SPDX-License-Identifier: PostgreSQL
// The triggers of the observer table, and what observe() needs of C.
extern "C" {
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "access/htup_details.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

#include "pg/gucs.h"
#include "pg/guard.h"
#include "pg/observer_table.h"
#include "pg/observer_warnings.h"
#include "pg/own_objects.h"
#include "pg/restore_mark.h"
#include "pg/subtransaction.h"
#include "pg/shmem.h"
#include "pg/slot.h"
#include "pg/type_encoder.h"
#include "pg/when_clause.h"
#include "pg/compat.h"

namespace fraiseql::pg {

namespace {

constexpr int kAwaitSlotMs = 5000;

void RequireColumn(Oid table, const char* column) {
  if (get_attnum(table, column) > 0) return;
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_COLUMN),
           errmsg("column \"%s\" of relation \"%s\" does not exist", column, get_rel_name(table))));
}

// With the settings of the process that will read the expression when the log is decoded.
const Expr* RequireWhen(::Relation relation, const char* when) {
  const int nest_level = NewGUCNestLevel();
  PinSettings(true);
  char* text = pg_any_to_server(pstrdup(when), static_cast<int>(strlen(when)), PG_UTF8);
  Expr* expression = ParseWhen(text, relation);
  // Made ready in full: this also checks whether the caller may call the functions.
  (void)ExecInitExpr(expression, nullptr);
  AtEOXact_GUC(false, nest_level);
  return expression;
}

// What one row check needs, in one place that an error leaves to the memory context.
struct RowCheck {
  ObserverRow row;
  Observer observer;
  std::vector<std::string> columns;
};

struct RowToCheck {
  HeapTuple tuple;
  TupleDesc desc;
};

// A row of the table is never TOASTed (see the install script).
constexpr size_t kMaxRowBytes = 7500;

void RequireFit(HeapTuple tuple, const ObserverRow& row) {
  if (tuple->t_len <= kMaxRowBytes) return;
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
           errmsg("observer \"%s\" is too large", row.name.c_str()),
           errdetail("It takes %u bytes, of which there may be %zu.", tuple->t_len, kMaxRowBytes),
           errhint("Name fewer columns, or test for less in its condition.")));
}

void CheckRow(HeapTuple tuple, TupleDesc desc) {
  auto* check = NewInContext<RowCheck>(CurrentMemoryContext);
  ReadObserverRow(tuple, desc, &check->row);
  RequireFit(tuple, check->row);
  if (Status status = ParseObserver(check->row, &check->observer); !status.ok()) {
    RaiseStatus(std::move(status));
  }
  if (!OidIsValid(check->row.relation)) return;
  RequireObservableTable(check->row.relation);
  check->columns = check->observer.subject.columns();
  for (const std::string& column : check->columns) {
    RequireColumn(check->row.relation, column.c_str());
  }
  check->columns = check->observer.condition.columns();
  for (const std::string& column : check->columns) {
    RequireColumn(check->row.relation, column.c_str());
  }
  for (const std::string& column : check->row.columns) {
    RequireColumn(check->row.relation, column.c_str());
  }
  ::Relation relation = table_open(check->row.relation, AccessShareLock);
  const Expr* when = nullptr;
  if (!check->row.when.empty()) when = RequireWhen(relation, check->row.when.c_str());
  if (!IsRestoring()) WarnOfObserver(check->observer, relation, when);
  table_close(relation, NoLock);
}

// One row of a dump that is wrong here (its table was not restored, a function of its condition is
// not there) shall not cost all others.
HeapTuple RestoreRow(HeapTuple tuple, TupleDesc desc) {
  RowToCheck row{tuple, desc};
  const char* error = TryInSubtransaction(
      [](void* argument) {
        const auto* check = static_cast<RowToCheck*>(argument);
        CheckRow(check->tuple, check->desc);
      },
      &row, Tolerance::kOwnFault);
  if (error == nullptr) return tuple;
  bool is_null = true;
  const Datum name = heap_getattr(tuple, 1, desc, &is_null);
  ereport(WARNING, (errmsg("observer \"%s\" is restored disabled: %s",
                           is_null ? "" : TextDatumGetCString(name), error),
                    errhint("Remove it with fraiseql_nats.unobserve(), or enable it when that is "
                            "mended.")));
  int column = SPI_fnumber(desc, "enabled");
  Datum disabled = BoolGetDatum(false);
  bool is_not_null = false;
  return heap_modify_tuple_by_cols(tuple, desc, 1, &column, &disabled, &is_not_null);
}

// Before a row: is it an observer?  After the statement: whoever decodes this transaction must read
// the table again behind it.
Datum ObserverChanged(FunctionCallInfo fcinfo) {
  const auto* data =
      CALLED_AS_TRIGGER(fcinfo) ? reinterpret_cast<const TriggerData*>(fcinfo->context) : nullptr;
  // Its rows are read as those of that table.
  if (data == nullptr || RelationGetRelid(data->tg_relation) != FindOwnTable(kObserverTableName)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("observer_changed() is a trigger function of the table "
                           "fraiseql_nats.observer only")));
  }
  ::Relation relation = data->tg_relation;
  if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot truncate \"%s\"", RelationGetRelationName(relation)),
                    errdetail("The log is still read with the observers of before."),
                    errhint("Use DELETE.")));
  }
  if (TRIGGER_FIRED_FOR_STATEMENT(data->tg_event)) {
    CacheInvalidateRelcacheByRelid(RelationGetRelid(relation));
    return PointerGetDatum(nullptr);
  }
  HeapTuple tuple =
      TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
  if (IsRestoring()) return PointerGetDatum(RestoreRow(tuple, RelationGetDescr(relation)));
  CheckRow(tuple, RelationGetDescr(relation));
  return PointerGetDatum(tuple);
}

// A change that commits before the slot is ready is not decoded.  So the statement that makes an
// observer waits for it, as long as that is possible: the slot waits in turn for every transaction
// that has an id.
void AwaitSlot() {
  if (shared == nullptr) {
    ereport(WARNING, (errmsg("nothing is published: fraiseql_nats is not loaded"),
                      errhint("Add \"fraiseql_nats\" to \"shared_preload_libraries\" and restart "
                              "the server.")));
    return;
  }
  if (settings.capture == kCaptureNotify) return;
  const SlotName slot = OwnSlotName(MyDatabaseId);
  const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kAwaitSlotMs);
  while (!SlotIsReady(slot.c_str()) && settings.enabled && wal_level >= WAL_LEVEL_LOGICAL &&
         !TransactionIdIsValid(GetTopTransactionIdIfAny()) && GetCurrentTimestamp() < until) {
    CHECK_FOR_INTERRUPTS();
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
                    PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
  }
  if (SlotIsReady(slot.c_str())) return;
  ereport(WARNING, (errmsg("changes are not published before replication slot \"%s\" is ready",
                           slot.c_str()),
                    errhint("See fraiseql_nats.status() for what it waits for.")));
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PG_FUNCTION_INFO_V1(fraiseql_nats_observer_changed);
PG_FUNCTION_INFO_V1(fraiseql_nats_await_slot);

Datum fraiseql_nats_observer_changed(PG_FUNCTION_ARGS) {
  return fraiseql::pg::Guard([=] { return fraiseql::pg::ObserverChanged(fcinfo); });
}

Datum fraiseql_nats_await_slot(PG_FUNCTION_ARGS) {
  fraiseql::pg::Guard([] { fraiseql::pg::AwaitSlot(); });
  PG_RETURN_VOID();
}
}
