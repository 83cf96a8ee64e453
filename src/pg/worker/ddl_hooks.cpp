// SPDX-License-Identifier: PostgreSQL
#include <csignal>

extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/utility.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"
}

#include "pg/base/compat.h"
#include "pg/worker/ddl_hooks.h"
#include "pg/base/plugin_name.h"
#include "pg/shared/shmem.h"

namespace fraiseql::pg {

namespace {

object_access_hook_type previous_object_access = nullptr;
ProcessUtility_hook_type previous_utility = nullptr;

constexpr char kDefaultTemplate[] = "template1";  // of CREATE DATABASE

// What the current transaction did, until it ends.
struct {
  bool extension_created;  // some extension; BeforeCommit() looks up which one
  Oid dropped;             // OID of our extension before its DROP
  bool start_worker;       // decided at pre-commit
  bool drop_slot;
  bool extension_updated;  // our extension
} pending;

void OnObjectAccess(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void* argument) {
  if (previous_object_access != nullptr) {
    previous_object_access(access, class_id, object, sub_id, argument);
  }
  if (class_id != ExtensionRelationId) return;
  if (access == OAT_POST_CREATE) {
    pending.extension_created = true;  // its name is not visible yet
  } else if (access == OAT_DROP) {
    const char* name = get_extension_name(object);
    if (name != nullptr && strcmp(name, kPluginName) == 0) pending.dropped = object;
  }
}

// May still read the catalogs and fail the transaction.
void BeforeCommit() {
  if (!pending.extension_created && !OidIsValid(pending.dropped)) return;
  const Oid extension = get_extension_oid(kPluginName, true);
  // The same extension still exists: its DROP was rolled back to a savepoint.
  pending.drop_slot = OidIsValid(pending.dropped) && extension != pending.dropped;
  pending.start_worker = OidIsValid(extension) && extension != pending.dropped;
  if (!pending.start_worker) return;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  const WorkerEntry* entry = FindOrAddEntry({MyDatabaseId, kDefaultStream});
  LWLockRelease(shared->lock);
  if (entry == nullptr) {
    ereport(WARNING,
            (errmsg("this database is not served: fraiseql_nats.max_workers (%d) is reached",
                    shared->entry_count),
             errhint("Increase \"fraiseql_nats.max_workers\" and restart the server.")));
  }
}

void AfterCommit() {
  if (!pending.start_worker && !pending.drop_slot && !pending.extension_updated) return;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  (void)FindOrAddEntry({MyDatabaseId, kDefaultStream});
  ForEachEntry(MyDatabaseId, [](WorkerEntry* entry) {
    if (pending.drop_slot) entry->drop_slot = true;
    if (pending.drop_slot || pending.start_worker) {
      entry->has_extension = pending.start_worker && entry->stream == kDefaultStream;
    }
    entry->failures = 0;
    entry->not_before = 0;
    // After an update, a new worker starts with the new SQL.
    if (pending.drop_slot || pending.extension_updated) AskToEnd(entry);
    WakeWorker(entry);
  });
  LWLockRelease(shared->lock);
  WakeLauncher();
}

void OnTransactionEnd(XactEvent event, void*) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      BeforeCommit();
      break;
    case XACT_EVENT_COMMIT:
      AfterCommit();
      pending = {};
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
      pending = {};
      break;
    default:
      break;
  }
}

bool MayCreateDatabases() {
  HeapTuple role = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
  if (!HeapTupleIsValid(role)) return false;
  const bool may = reinterpret_cast<Form_pg_authid>(GETSTRUCT(role))->rolcreatedb;
  ReleaseSysCache(role);
  return may;
}

bool IsTemplate(Oid database) {
  HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool is_template = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datistemplate;
  ReleaseSysCache(tuple);
  return is_template;
}

// A statement without the privilege fails; it must not disturb the worker.
bool MayRun(const Node* statement, Oid database) {
  if (superuser()) return true;
  const bool owns = OwnsDatabase(database, GetUserId());
  if (!IsA(statement, CreatedbStmt)) return owns;
  return MayCreateDatabases() && (owns || IsTemplate(database));
}

// The database to which no process may be connected while the statement runs.
Oid DatabaseToVacate(const Node* statement) {
  const char* name = IsA(statement, CreatedbStmt) ? kDefaultTemplate : nullptr;
  if (IsA(statement, DropdbStmt)) {
    name = reinterpret_cast<const DropdbStmt*>(statement)->dbname;
  } else if (IsA(statement, RenameStmt)) {
    const auto* rename = reinterpret_cast<const RenameStmt*>(statement);
    if (rename->renameType == OBJECT_DATABASE) name = rename->subname;
  } else if (IsA(statement, AlterDatabaseStmt) || IsA(statement, CreatedbStmt)) {
    const bool create = IsA(statement, CreatedbStmt);
    List* options = create ? reinterpret_cast<const CreatedbStmt*>(statement)->options
                           : reinterpret_cast<const AlterDatabaseStmt*>(statement)->options;
    const char* wanted = create ? "template" : "tablespace";
    ListCell* cell;
    foreach (cell, options) {
      const auto* option = static_cast<const DefElem*>(lfirst(cell));
      if (strcmp(option->defname, wanted) != 0 || option->arg == nullptr) continue;
      name = create ? defGetString(const_cast<DefElem*>(option))
                    : reinterpret_cast<const AlterDatabaseStmt*>(statement)->dbname;
    }
  }
  const Oid database = name != nullptr ? get_database_oid(name, true) : InvalidOid;
  if (!OidIsValid(database)) return InvalidOid;
  return MayRun(statement, database) ? database : InvalidOid;
}

// Asks the workers of the database to end, and the launcher to start none.  A database without an
// entry gets one, because the launcher may be about to probe it.  False if no entry is free: then
// the launcher cannot start a worker either.
bool Vacate(Oid database) {
  if (!OidIsValid(database)) return false;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  const bool known = FindOrAddEntry({database, kDefaultStream}) != nullptr;
  ForEachEntry(database, [](WorkerEntry* entry) {
    ++entry->vacating;
    AskToEnd(entry);
  });
  LWLockRelease(shared->lock);
  return known;
}

bool HasLeft(Oid database) {
  LWLockAcquire(shared->lock, LW_SHARED);
  bool left = true;
  ForEachEntry(database, [&](const WorkerEntry* entry) {
    left = left && entry->pid == 0 && !entry->starting;
  });
  LWLockRelease(shared->lock);
  return left;
}

void AwaitDeparture(Oid database) {
  while (!HasLeft(database)) {
    CHECK_FOR_INTERRUPTS();
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 5, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
  }
}

// Also called when the session ends during the statement.
void Reopen(int, Datum database) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  ForEachEntry(DatumGetObjectId(database), [](WorkerEntry* entry) {
    if (entry->vacating > 0) --entry->vacating;
  });
  LWLockRelease(shared->lock);
  WakeLauncher();
}

bool UpdatesExtension(const Node* statement) {
  return IsA(statement, AlterExtensionStmt) &&
         strcmp(reinterpret_cast<const AlterExtensionStmt*>(statement)->extname, kPluginName) == 0;
}

ProcessUtility_hook_type Next() {
  return previous_utility != nullptr ? previous_utility : standard_ProcessUtility;
}

void OnUtility(PlannedStmt* planned, const char* query, bool read_only_tree,
               ProcessUtilityContext context, ParamListInfo parameters,
               QueryEnvironment* environment, DestReceiver* receiver, QueryCompletion* completion) {
  // Reads everything it needs from the statement first: running it may free the plan.
  const bool creates = IsA(planned->utilityStmt, CreatedbStmt);
  const bool updates = UpdatesExtension(planned->utilityStmt);
  const Oid database = DatabaseToVacate(planned->utilityStmt);
  if (!Vacate(database)) {
    Next()(planned, query, read_only_tree, context, parameters, environment, receiver, completion);
    if (creates) WakeLauncher();  // the template may have the extension
    if (updates) pending.extension_updated = true;
    return;
  }
  const Datum argument = ObjectIdGetDatum(database);
  PG_ENSURE_ERROR_CLEANUP(Reopen, argument);
  {
    AwaitDeparture(database);
    Next()(planned, query, read_only_tree, context, parameters, environment, receiver, completion);
  }
  PG_END_ENSURE_ERROR_CLEANUP(Reopen, argument);
  Reopen(0, argument);
}

}  // namespace

void InstallDdlHooks() {
  previous_object_access = object_access_hook;
  object_access_hook = OnObjectAccess;
  previous_utility = ProcessUtility_hook;
  ProcessUtility_hook = OnUtility;
  RegisterXactCallback(OnTransactionEnd, nullptr);
}

}  // namespace fraiseql::pg
