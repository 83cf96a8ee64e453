// SPDX-License-Identifier: PostgreSQL
// The event trigger for CREATE TABLE and ALTER TABLE.  Checks whether a file declares an observer
// of the table (for most tables none does, which an index scan finds in microseconds), and whether
// observed rows are no longer logged.
extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

#include "pg/observe/observer_warnings.h"
#include "pg/base/own_objects.h"
#include "pg/base/sql_function.h"

namespace fraiseql::pg {

namespace {

constexpr char kTable[] = "declared_observer";
constexpr char kIndex[] = "declared_observer_table";
constexpr char kColumn[] = "table_name";

// Whether a rule exists for a table of this name, in any schema.  True without our table: then the
// function that is called next reports what is wrong.
bool IsDeclared(const char* name) {
  const Oid relation = FindOwnTable(kTable);
  const Oid index = OidIsValid(relation) ? get_relname_relid(kIndex, OwnSchema()) : InvalidOid;
  const AttrNumber column = OidIsValid(relation) ? get_attnum(relation, kColumn) : 0;
  if (!OidIsValid(index) || column <= 0 || get_atttype(relation, column) != NAMEOID) return true;
  NameData key_name;
  namestrcpy(&key_name, name);
  ScanKeyData key;
  ScanKeyInit(&key, column, BTEqualStrategyNumber, F_NAMEEQ, NameGetDatum(&key_name));
  ::Relation table = table_open(relation, AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  SysScanDesc scan = systable_beginscan(table, index, true, snapshot, 1, &key);
  const bool found = HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(table, AccessShareLock);
  return found;
}

bool IsDeclared(const RangeVar* relation) {
  return relation == nullptr || IsDeclared(relation->relname);
}

bool MakesDeclaredTable(const Node* statement) {
  switch (nodeTag(statement)) {
    case T_CreateStmt:
      return IsDeclared(reinterpret_cast<const CreateStmt*>(statement)->relation);
    case T_CreateTableAsStmt:
      return IsDeclared(reinterpret_cast<const CreateTableAsStmt*>(statement)->into->rel);
    case T_AlterTableStmt:
      return IsDeclared(reinterpret_cast<const AlterTableStmt*>(statement)->relation);
    case T_AlterObjectSchemaStmt:
      return IsDeclared(reinterpret_cast<const AlterObjectSchemaStmt*>(statement)->relation);
    case T_RenameStmt: {  // of the table, or of one of its columns
      const auto* rename = reinterpret_cast<const RenameStmt*>(statement);
      return IsDeclared(rename->newname) || IsDeclared(rename->relation);
    }
    case T_CreateSchemaStmt: {
      ListCell* cell;
      foreach (cell, reinterpret_cast<const CreateSchemaStmt*>(statement)->schemaElts) {
        const auto* element = static_cast<const Node*>(lfirst(cell));
        if (IsA(element, CreateStmt) && MakesDeclaredTable(element)) return true;
      }
      return false;
    }
    case T_CreateForeignTableStmt:
      return false;
    default:
      return true;
  }
}

bool MayTakeRowsOffLog(const Node* statement) {
  if (IsA(statement, CreateStmt)) {
    const auto* create = reinterpret_cast<const CreateStmt*>(statement);
    return create->inhRelations != NIL &&
           create->relation->relpersistence == RELPERSISTENCE_UNLOGGED;
  }
  if (IsA(statement, CreateForeignTableStmt)) {
    return reinterpret_cast<const CreateForeignTableStmt*>(statement)->base.inhRelations != NIL;
  }
  if (!IsA(statement, AlterTableStmt)) return false;
  ListCell* cell;
  foreach (cell, reinterpret_cast<const AlterTableStmt*>(statement)->cmds) {
    const AlterTableType type = static_cast<const AlterTableCmd*>(lfirst(cell))->subtype;
    if (type == AT_SetUnLogged || type == AT_AttachPartition) return true;
  }
  return false;
}

// Warns about the tables of the current statement that are observed, directly or through a
// partitioned table.
void WarnOfStatement() {
  const int result = SPI_execute(
      "SELECT e.objid FROM pg_catalog.pg_event_trigger_ddl_commands() e"
      " WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objsubid = 0"
      " AND EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.relation = e.objid OR o.relation"
      " IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(e.objid) a))",
      false, 0);
  if (result != SPI_OK_SELECT) elog(ERROR, "%s", SPI_result_code_string(result));
  for (uint64 i = 0; i < SPI_processed; ++i) {
    bool is_null = false;
    const Datum table = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);
    WarnOfUnloggedRows(DatumGetObjectId(table));
  }
}

void ObserveNewTables(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("observe_new_tables() is called by an event trigger only")));
  }
  const auto* trigger = reinterpret_cast<const EventTriggerData*>(fcinfo->context);
  if (trigger->parsetree == nullptr) return;
  if (MayTakeRowsOffLog(trigger->parsetree)) {
    SPI_connect();
    WarnOfStatement();
    SPI_finish();
  }
  if (!MakesDeclaredTable(trigger->parsetree)) return;
  SPI_connect();
  const int result =
      SPI_execute("SELECT fraiseql_nats_internal.observe_created_tables()", false, 0);
  if (result != SPI_OK_SELECT) elog(ERROR, "%s", SPI_result_code_string(result));
  SPI_finish();
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_observe_new_tables, ObserveNewTables(fcinfo));
