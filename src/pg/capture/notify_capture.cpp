// SPDX-License-Identifier: PostgreSQL
#include <string>
#include <unordered_set>

extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

#include "pg/base/sql_function.h"
#include "pg/base/compat.h"
#include "pg/settings/gucs.h"
#include "pg/base/guard.h"
#include "pg/capture/log_writer.h"
#include "pg/capture/notify_capture.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"
#include "pg/capture/trace_context.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

planner_hook_type previous_planner = nullptr;
ProcessUtility_hook_type previous_utility = nullptr;
needs_fmgr_hook_type previous_needs_fmgr = nullptr;

// --- which channels are observed -----------------------------------------------------------------

// The channels as this session sees them; read again when the observer table has changed.
struct ObservedChannels {
  Freshness freshness;
  LoadedObservers loaded;
  std::unordered_set<std::string> names;
};

ObservedChannels& Channels() {
  static auto* channels = new ObservedChannels;
  return *channels;
}

void OnRelationChanged(Datum, Oid relation) {
  ObservedChannels& channels = Channels();
  if (!OidIsValid(relation) || !OidIsValid(channels.loaded.table) ||
      relation == channels.loaded.table) {
    channels.freshness.Invalidate();
  }
}

bool IsObserved(const std::string& channel) {
  // Within a transaction no other call may process invalidations of other sessions' commits.
  AcceptInvalidationMessages();
  ObservedChannels& channels = Channels();
  if (!channels.freshness.IsFresh()) {
    const uint64_t begin = channels.freshness.Begin();
    LoadObservers(nullptr, &channels.loaded);
    channels.names.clear();
    for (const Observer& observer : channels.loaded.observers) {
      if (!observer.channel.empty()) channels.names.insert(observer.channel);
      if (observer.source != Source::kRow) channels.names.insert(observer.topic);
    }
    channels.freshness.Done(begin);
  }
  return channels.names.count(channel) > 0;
}

// --- writing -------------------------------------------------------------------------------------

// A logical message needs a transaction id, which cannot be assigned in parallel mode.  Then the
// notification is written at the end of the transaction, unless its savepoint is rolled back.  In
// TopTransactionContext.
struct Deferred {
  SubTransactionId subtransaction;
  const char* channel;
  const char* payload;
};
List* deferred = NIL;

void WriteNotification(const char* channel, const char* payload) {
  LoggedMessage message;
  message.kind = LoggedKind::kNotify;
  message.channel = ToUtf8View(channel);
  message.payload = ToUtf8View(payload);
  LogTraceContext();
  (void)WriteToLogIfInstalled(message);
}

void Defer(const char* channel, const char* payload) {
  const MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
  auto* entry = static_cast<Deferred*>(palloc(sizeof(Deferred)));
  *entry = {GetCurrentSubTransactionId(), pstrdup(channel), pstrdup(payload)};
  deferred = lappend(deferred, entry);
  MemoryContextSwitchTo(old);
}

void Capture(const char* channel, const char* payload) {
  if (!XLogLogicalInfoActive() || settings.capture != kCaptureWal || RecoveryInProgress()) return;
  static auto* key = new std::string;  // kept, so that an error leaks nothing
  *key = ToUtf8Anyhow(channel);
  if (!IsObserved(*key)) return;
  if (IsInParallelMode() && !TransactionIdIsValid(GetCurrentTransactionIdIfAny())) {
    Defer(channel, payload);
  } else {
    WriteNotification(channel, payload);
  }
}

void OnTransactionEnd(XactEvent event, void*) {
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) {
    ListCell* cell;
    foreach (cell, deferred) {
      const auto* entry = static_cast<const Deferred*>(lfirst(cell));
      WriteNotification(entry->channel, entry->payload);
    }
    deferred = NIL;
  } else if (event == XACT_EVENT_ABORT) {
    deferred = NIL;
  }
}

void OnSubtransactionEnd(SubXactEvent event, SubTransactionId id, SubTransactionId, void*) {
  if (event != SUBXACT_EVENT_ABORT_SUB) return;
  // Subtransactions with a higher id lie within this one.
  ListCell* cell;
  foreach (cell, deferred) {
    if (static_cast<const Deferred*>(lfirst(cell))->subtransaction >= id) {
      deferred = foreach_delete_current(deferred, cell);
    }
  }
}

// --- pg_notify() ---------------------------------------------------------------------------------

// OID of our own pg_notify in this database, or InvalidOid.
Oid capturing_function = InvalidOid;
Freshness capturing_function_freshness;

// The functions that were checked: whether their body mentions pg_notify.
HTAB* notifying_functions = nullptr;

struct NotifyingFunction {
  Oid function;
  bool notifies;
};

// The type of a cache's number depends on the version of Postgres.
template <typename CacheId>
void OnFunctionsChanged(Datum, CacheId, uint32) {
  capturing_function_freshness.Invalidate();
  if (notifying_functions != nullptr) hash_destroy(notifying_functions);
  notifying_functions = nullptr;
}

Oid CapturingFunction() {
  if (capturing_function_freshness.IsFresh()) return capturing_function;
  const uint64_t begin = capturing_function_freshness.Begin();
  const Oid schema = OwnInternalSchema();
  Oid found = InvalidOid;
  if (OidIsValid(schema)) {
    const Oid arguments[] = {TEXTOID, TEXTOID};
    found =
        GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("pg_notify"),
                        PointerGetDatum(buildoidvector(arguments, 2)), ObjectIdGetDatum(schema));
  }
  capturing_function = found;
  capturing_function_freshness.Done(begin);
  return found;
}

bool ReplaceCalls(Node* node, void* function) {
  if (node == nullptr) return false;
  if (IsA(node, FuncExpr)) {
    auto* call = reinterpret_cast<FuncExpr*>(node);
    if (call->funcid == F_PG_NOTIFY) call->funcid = *static_cast<Oid*>(function);
  }
  if (IsA(node, Query)) {
    return query_tree_walker(reinterpret_cast<Query*>(node), AsTreeWalker(ReplaceCalls), function,
                             0);
  }
  return expression_tree_walker(node, AsTreeWalker(ReplaceCalls), function);
}

// `more`: from 19 on, for EXPLAIN.
template <typename... More>
PlannedStmt* OnPlan(Query* query, const char* text, int options, ParamListInfo parameters,
                    More... more) {
  // The planner owns the tree and may change it; the tree is not stored.
  Oid function = CapturingFunction();
  if (OidIsValid(function)) (void)ReplaceCalls(reinterpret_cast<Node*>(query), &function);
  const planner_hook_type next = previous_planner != nullptr ? previous_planner : standard_planner;
  return next(query, text, options, parameters, more...);
}

bool BodyNotifies(Oid function) {
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return false;
  bool notifies = false;
  if (reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang == SQLlanguageId) {
    bool is_null = true;
    const Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
    if (!is_null) notifies = strcasestr(TextDatumGetCString(source), "notify") != nullptr;
    const Datum body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &is_null);
    if (!is_null && !notifies) {
      const char* call = psprintf(":funcid %u ", F_PG_NOTIFY);
      notifies = strstr(TextDatumGetCString(body), call) != nullptr;
    }
  }
  ReleaseSysCache(tuple);
  return notifies;
}

// Called for each function before its call or inlining: an SQL function that notifies must not be
// inlined, because then the planner hook is not called for its body.
bool NeedsFmgrHook(Oid function) {
  if (previous_needs_fmgr != nullptr && previous_needs_fmgr(function)) return true;
  // While the log is decoded, only output functions run, which need no lookup.
  if (function < FirstNormalObjectId || !IsTransactionState() || HistoricSnapshotActive() ||
      !OidIsValid(CapturingFunction())) {
    return false;
  }
  if (notifying_functions == nullptr) {
    HASHCTL control;
    memset(&control, 0, sizeof(control));
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(NotifyingFunction);
    control.hcxt = TopMemoryContext;
    notifying_functions = hash_create("fraiseql_nats notifying functions", 64, &control,
                                      HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  }
  const auto* known = static_cast<const NotifyingFunction*>(
      hash_search(notifying_functions, &function, HASH_FIND, nullptr));
  if (known != nullptr) return known->notifies;
  const bool notifies = BodyNotifies(function);
  if (notifying_functions == nullptr) return notifies;  // invalidated during the lookup
  auto* entry = static_cast<NotifyingFunction*>(
      hash_search(notifying_functions, &function, HASH_ENTER, nullptr));
  entry->notifies = notifies;
  return notifies;
}

// Captures before the statement runs: afterwards it may be freed with its plan (CALL of a procedure
// that commits or rolls back).  If the statement fails, the captured message is rolled back with
// it.
void OnUtility(PlannedStmt* planned, const char* query, bool read_only_tree,
               ProcessUtilityContext context, ParamListInfo parameters,
               QueryEnvironment* environment, DestReceiver* receiver, QueryCompletion* completion) {
  if (IsA(planned->utilityStmt, NotifyStmt)) {
    const auto* notify = reinterpret_cast<const NotifyStmt*>(planned->utilityStmt);
    const char* payload = notify->payload != nullptr ? notify->payload : "";
    Guard([=] { Capture(notify->conditionname, payload); });
  }
  const ProcessUtility_hook_type next =
      previous_utility != nullptr ? previous_utility : standard_ProcessUtility;
  next(planned, query, read_only_tree, context, parameters, environment, receiver, completion);
}

const char* TextOrEmpty(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

}  // namespace

void InstallNotifyCapture() {
  previous_planner = planner_hook;
  planner_hook = OnPlan;
  previous_needs_fmgr = needs_fmgr_hook;
  needs_fmgr_hook = NeedsFmgrHook;
  previous_utility = ProcessUtility_hook;
  ProcessUtility_hook = OnUtility;
  RegisterXactCallback(OnTransactionEnd, nullptr);
  RegisterSubXactCallback(OnSubtransactionEnd, nullptr);
  CacheRegisterSyscacheCallback(PROCOID, OnFunctionsChanged, Datum{0});
  CacheRegisterSyscacheCallback(NAMESPACEOID, OnFunctionsChanged, Datum{0});
  CacheRegisterRelcacheCallback(OnRelationChanged, Datum{0});
}

// Does what pg_notify() does, and captures.
void Notify(FunctionCallInfo fcinfo) {
  // The caller needs the privilege for the function that the query names.
  if (fcinfo->flinfo->fn_extra == nullptr) {
    const AclResult result = FunctionAclCheck(F_PG_NOTIFY, GetUserId());
    if (result != ACLCHECK_OK) aclcheck_error(result, OBJECT_FUNCTION, "pg_notify");
    fcinfo->flinfo->fn_extra = fcinfo->flinfo;
  }
  PreventCommandDuringRecovery("NOTIFY");
  const char* channel = TextOrEmpty(fcinfo, 0);
  const char* payload = TextOrEmpty(fcinfo, 1);
  Async_Notify(channel, payload);  // checks both
  Capture(channel, payload);
}

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_notify, Notify(fcinfo));
