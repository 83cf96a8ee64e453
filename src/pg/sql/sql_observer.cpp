// SPDX-License-Identifier: PostgreSQL
// The functions that create and change observers, and the triggers of their table.
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/formatting.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
}

#include "pg/base/sql_function.h"
#include "pg/base/compat.h"
#include "pg/settings/gucs.h"
#include "pg/observe/observer_check.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"
#include "pg/capture/restore_mark.h"
#include "pg/shared/shmem.h"
#include "pg/slot/slot.h"

namespace fraiseql::pg {

namespace {

constexpr int kAwaitSlotMs = 5000;

bool checked = false;  // a function here has checked the next row of the table

// A change that commits before the slot is ready is not decoded.  So the statement that creates an
// observer waits for the slot, unless its transaction has an xid: the slot in turn waits for each
// such transaction.
void AwaitSlot() {
  if (shared == nullptr) {
    ereport(WARNING, (errmsg("nothing is published: fraiseql_nats is not loaded"),
                      errhint("Add \"fraiseql_nats\" to \"shared_preload_libraries\" and restart "
                              "the server.")));
    return;
  }
  if (settings.capture == kCaptureNotify) return;
  const SlotName slot = OwnSlotName({MyDatabaseId, kDefaultStream});
  const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kAwaitSlotMs);
  while (!SlotIsReady(slot.c_str()) && settings.enabled && CanBeLogical() &&
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

// --- a row of the table --------------------------------------------------------------------------

constexpr int kMaxColumns = 16;

// The row that observe() inserts, column by column.
struct NewRow {
  const char* columns[kMaxColumns];
  Oid types[kMaxColumns];
  Datum values[kMaxColumns];
  char nulls[kMaxColumns + 1];
  int count;

  void Add(const char* column, Oid type, Datum value, bool is_null) {
    columns[count] = column;
    types[count] = type;
    values[count] = value;
    nulls[count++] = is_null ? 'n' : ' ';
  }
};

// Checks the row before it is inserted, so that an error has the context of the call only.
void CheckBefore(const NewRow& row) {
  ::Relation table = table_open(FindOwnTable(kObserverTableName), AccessShareLock);
  TupleDesc desc = RelationGetDescr(table);
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * static_cast<size_t>(desc->natts)));
  auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * static_cast<size_t>(desc->natts)));
  memset(nulls, true, sizeof(bool) * static_cast<size_t>(desc->natts));
  for (int i = 0; i < row.count; ++i) {
    const int number = SPI_fnumber(desc, row.columns[i]);
    if (number <= 0) elog(ERROR, "table fraiseql_nats.observer has no column %s", row.columns[i]);
    values[number - 1] = row.values[i];
    nulls[number - 1] = row.nulls[i] == 'n';
  }
  CheckObserver(heap_form_tuple(desc, values, nulls), desc, true);
  table_close(table, NoLock);
}

// Returns the number of rows that the statement has processed.
uint64 Execute(const char* sql, int count, Oid* types, Datum* values, const char* nulls) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "cannot connect to SPI");
  const int result = SPI_execute_with_args(sql, count, types, values, nulls, false, 0);
  if (result < 0) elog(ERROR, "SPI_execute_with_args() failed: %s", SPI_result_code_string(result));
  const uint64 processed = SPI_processed;
  SPI_finish();
  return processed;
}

bool Exists(const char* name) {
  Oid types[] = {TEXTOID};
  Datum values[] = {CStringGetTextDatum(name)};
  return Execute("SELECT FROM fraiseql_nats.observer o WHERE o.name OPERATOR(pg_catalog.=) $1", 1,
                 types, values, nullptr) > 0;
}

void Insert(NewRow* row) {
  CheckBefore(*row);
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "INSERT INTO fraiseql_nats.observer (");
  for (int i = 0; i < row->count; ++i) {
    appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", quote_identifier(row->columns[i]));
  }
  appendStringInfoString(&sql, ") VALUES (");
  for (int i = 0; i < row->count; ++i) appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
  appendStringInfoChar(&sql, ')');
  checked = true;
  (void)Execute(sql.data, row->count, row->types, row->values, row->nulls);
}

void RequireNewName(const char* name) {
  if (!Exists(name)) return;
  ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("observer \"%s\" already exists", name),
                  errhint("Give another one with name => ..., or remove it with "
                          "fraiseql_nats.unobserve().")));
}

// --- observe() -----------------------------------------------------------------------------------

enum ObserveArgument {
  kRelationArgument,
  kEvents,
  kSubject,
  kColumns,
  kFormat,
  kEntity,
  kSource,
  kFilter,
  kName,
  kOrigin,
  kStream
};

// Parses "INSERT, UPDATE", or the text of an array.
Datum EventsOfText(const char* text) {
  text += strspn(text, " ");
  if (*text == '{') {
    return OidInputFunctionCall(F_ARRAY_IN, pstrdup(text), TEXTOID, -1);
  }
  ArrayBuildState* events = nullptr;
  for (const char* next = text; next != nullptr;) {
    const char* begin = next + strspn(next, " ");
    const char* end = strchr(begin, ',');
    next = end != nullptr ? end + 1 : nullptr;
    size_t length = end != nullptr ? static_cast<size_t>(end - begin) : strlen(begin);
    while (length > 0 && begin[length - 1] == ' ') --length;
    const Datum event = PointerGetDatum(cstring_to_text_with_len(begin, static_cast<int>(length)));
    events = accumArrayResult(events, event, false, TEXTOID, CurrentMemoryContext);
  }
  return makeArrayResult(events, CurrentMemoryContext);
}

// Converts to capitals, which is how events are stored.
Datum EventsInCapitals(Datum events) {
  Datum* items = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(events), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
                    &count);
  for (int i = 0; i < count; ++i) {
    const char* event = nulls[i] ? "" : TextDatumGetCString(items[i]);
    items[i] = CStringGetTextDatum(asc_toupper(event, strlen(event)));
  }
  return PointerGetDatum(construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT));
}

// Returns for example "insert_update"; null for all operations, in any order.
const char* EventsInName(Datum events) {
  Datum* items = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(events), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr,
                    &count);
  StringInfoData name;
  initStringInfo(&name);
  OperationSet set = 0;
  for (int i = 0; i < count; ++i) {
    char* event = TextDatumGetCString(items[i]);
    Operation operation;
    if (ParseOperation(event, &operation)) set |= SetOf(operation);
    appendStringInfo(&name, "%s%s", i > 0 ? "_" : "", asc_tolower(event, strlen(event)));
  }
  return set == kAllOperations ? nullptr : name.data;
}

// Made of the table; of its events, unless they are all; and of the subject if the name exists
// already.
const char* DefaultName(Oid relation, Datum events, const char* subject) {
  const char* table = get_rel_name(relation);
  if (table == nullptr) return "";
  const char* wanted = EventsInName(events);
  const char* name = wanted == nullptr ? table : psprintf("%s.%s", table, wanted);
  return subject != nullptr && Exists(name) ? psprintf("%s to %s", name, subject) : name;
}

// The events are an array, or a text.
Datum Observe(FunctionCallInfo fcinfo, bool events_are_array) {
  if (PG_ARGISNULL(kRelationArgument) || PG_ARGISNULL(kEvents)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("relation and events must not be null")));
  }
  AwaitSlot();
  const Datum events = EventsInCapitals(
      events_are_array ? PG_GETARG_DATUM(kEvents)
                       : EventsOfText(text_to_cstring(PG_GETARG_TEXT_PP(kEvents))));
  const char* name = OptionalText(fcinfo, kName);
  if (name == nullptr) {
    name = DefaultName(PG_GETARG_OID(kRelationArgument), events, OptionalText(fcinfo, kSubject));
  }
  NewRow row{};
  row.Add("name", TEXTOID, CStringGetTextDatum(name), false);
  row.Add("relation", REGCLASSOID, PG_GETARG_DATUM(kRelationArgument), false);
  row.Add("events", TEXTARRAYOID, events, false);
  static constexpr struct {
    ObserveArgument number;
    const char* column;
  } kTexts[] = {{kSubject, "subject"}, {kFormat, "format"}, {kEntity, "entity"},
                {kSource, "source"},   {kFilter, "filter"}, {kOrigin, "change_origin"},
                {kStream, "stream"}};
  for (const auto& text : kTexts) {
    row.Add(text.column, TEXTOID, PG_GETARG_DATUM(text.number), PG_ARGISNULL(text.number));
  }
  row.Add("columns", TEXTARRAYOID, PG_GETARG_DATUM(kColumns), PG_ARGISNULL(kColumns));
  row.Add("enabled", BOOLOID, BoolGetDatum(true), false);
  RequireNewName(name);
  Insert(&row);
  return CStringGetTextDatum(name);
}

Datum ObserveChannel(FunctionCallInfo fcinfo) {
  const char* channel = OptionalText(fcinfo, 0);
  if (channel == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("channel must not be null")));
  }
  AwaitSlot();
  const char* name = OptionalText(fcinfo, 2);
  if (name == nullptr) name = psprintf("channel %s", channel);
  NewRow row{};
  row.Add("name", TEXTOID, CStringGetTextDatum(name), false);
  row.Add("channel", TEXTOID, PG_GETARG_DATUM(0), false);
  row.Add("subject", TEXTOID, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
  row.Add("stream", TEXTOID, PG_GETARG_DATUM(3), PG_ARGISNULL(3));
  row.Add("enabled", BOOLOID, BoolGetDatum(true), false);
  RequireNewName(name);
  Insert(&row);
  return CStringGetTextDatum(name);
}

// --- unobserve(), enable(), disable() ------------------------------------------------------------

void RequireFound(uint64 found, FunctionCallInfo fcinfo) {
  if (found > 0) return;
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                  errmsg("observer \"%s\" does not exist", text_to_cstring(PG_GETARG_TEXT_PP(0))),
                  errhint("The observers are the rows of the table fraiseql_nats.observer.")));
}

void Unobserve(FunctionCallInfo fcinfo) {
  Oid types[] = {TEXTOID};
  Datum values[] = {PG_GETARG_DATUM(0)};
  RequireFound(
      Execute("DELETE FROM fraiseql_nats.observer o WHERE o.name OPERATOR(pg_catalog.=) $1", 1,
              types, values, nullptr),
      fcinfo);
}

void SetEnabled(FunctionCallInfo fcinfo, bool enabled) {
  Oid types[] = {TEXTOID, BOOLOID};
  Datum values[] = {PG_GETARG_DATUM(0), BoolGetDatum(enabled)};
  RequireFound(Execute("UPDATE fraiseql_nats.observer o SET enabled = $2 WHERE o.name "
                       "OPERATOR(pg_catalog.=) $1",
                       2, types, values, nullptr),
               fcinfo);
}

// --- triggers ------------------------------------------------------------------------------------

// For a row: checks the observer.  For a statement: invalidates the relation cache entry, so that
// decoding reads the table again after this transaction.
Datum ObserverChanged(FunctionCallInfo fcinfo) {
  const auto* data =
      CALLED_AS_TRIGGER(fcinfo) ? reinterpret_cast<const TriggerData*>(fcinfo->context) : nullptr;
  // The rows are read with the columns of that table.
  if (data == nullptr || RelationGetRelid(data->tg_relation) != FindOwnTable(kObserverTableName)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("observer_changed() is a trigger function of the table "
                           "fraiseql_nats.observer only")));
  }
  ::Relation relation = data->tg_relation;
  if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot truncate \"%s\"", RelationGetRelationName(relation)),
                    errdetail("The log before the TRUNCATE still needs the observers."),
                    errhint("Use DELETE.")));
  }
  if (TRIGGER_FIRED_FOR_STATEMENT(data->tg_event)) {
    CacheInvalidateRelcacheByRelid(RelationGetRelid(relation));
    return Datum{0};
  }
  HeapTuple tuple =
      TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
  if (IsRestoring())
    return PointerGetDatum(CheckRestoredObserver(tuple, RelationGetDescr(relation)));
  CheckObserver(tuple, RelationGetDescr(relation), !checked);
  checked = false;
  return PointerGetDatum(ChooseStreamOfObserver(tuple, RelationGetDescr(relation)));
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_observer_changed, ObserverChanged(fcinfo));
SQL_FUNCTION(fraiseql_nats_observe, Observe(fcinfo, true));
SQL_FUNCTION(fraiseql_nats_observe_text, Observe(fcinfo, false));
SQL_FUNCTION(fraiseql_nats_observe_channel, ObserveChannel(fcinfo));
SQL_FUNCTION(fraiseql_nats_unobserve, Unobserve(fcinfo));
SQL_FUNCTION(fraiseql_nats_enable, SetEnabled(fcinfo, true));
SQL_FUNCTION(fraiseql_nats_disable, SetEnabled(fcinfo, false));
