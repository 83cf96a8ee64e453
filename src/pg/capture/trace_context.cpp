// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "executor/executor.h"
#include "tcop/utility.h"
}

#include "pg/settings/gucs.h"
#include "pg/capture/log_writer.h"
#include "pg/capture/restore_mark.h"
#include "pg/capture/trace_context.h"

namespace fraiseql::pg {

namespace {

ExecutorStart_hook_type previous_start = nullptr;
ProcessUtility_hook_type previous_utility = nullptr;

// The generation of the setting that the log has for the current transaction; 0: none.  Another
// value in the same transaction is written again, and so is one whose savepoint was rolled back.
unsigned logged_generation = 0;

// Whether the session has set (or reset) a value that the log does not have for this transaction.
bool IsNews() {
  return logged_generation != traceparent_generation &&
         (settings.traceparent[0] != '\0' || logged_generation != 0);
}

bool WritesRows(const QueryDesc* query) {
  return query->operation == CMD_INSERT || query->operation == CMD_UPDATE ||
         query->operation == CMD_DELETE || query->operation == CMD_MERGE ||
         query->plannedstmt->hasModifyingCTE;
}

void OnExecutorStart(QueryDesc* query, int flags) {
  if ((flags & EXEC_FLAG_EXPLAIN_ONLY) == 0 && WritesRows(query)) {
    MarkRestore();
    LogTraceContext();
  }
  if (previous_start != nullptr) {
    previous_start(query, flags);
  } else {
    standard_ExecutorStart(query, flags);
  }
}

void OnUtility(PlannedStmt* planned, const char* query, bool read_only_tree,
               ProcessUtilityContext context, ParamListInfo parameters,
               QueryEnvironment* environment, DestReceiver* receiver, QueryCompletion* completion) {
  const Node* statement = planned->utilityStmt;
  const bool writes =
      (IsA(statement, CopyStmt) && reinterpret_cast<const CopyStmt*>(statement)->is_from) ||
      IsA(statement, TruncateStmt);
  if (writes) {
    MarkRestore();
    LogTraceContext();
  }
  const ProcessUtility_hook_type next =
      previous_utility != nullptr ? previous_utility : standard_ProcessUtility;
  next(planned, query, read_only_tree, context, parameters, environment, receiver, completion);
}

void OnTransactionEnd(XactEvent event, void*) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) {
    logged_generation = 0;
  }
}

void OnSubtransactionEnd(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) logged_generation = 0;
}

}  // namespace

void LogTraceContext() {
  if (!IsNews() || !XLogLogicalInfoActive() || XactReadOnly || IsInParallelMode() ||
      RecoveryInProgress()) {
    return;
  }
  LoggedMessage message;
  message.kind = LoggedKind::kTrace;
  message.traceparent = settings.traceparent;
  if (XLogRecPtrIsInvalid(WriteToLogIfInstalled(message))) return;
  logged_generation = traceparent_generation;
}

void InstallTraceContext() {
  previous_start = ExecutorStart_hook;
  ExecutorStart_hook = OnExecutorStart;
  previous_utility = ProcessUtility_hook;
  ProcessUtility_hook = OnUtility;
  RegisterXactCallback(OnTransactionEnd, nullptr);
  RegisterSubXactCallback(OnSubtransactionEnd, nullptr);
}

}  // namespace fraiseql::pg
