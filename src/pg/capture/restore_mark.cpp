// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/rls.h"
}

#include "pg/base/compat.h"
#include "pg/capture/log_writer.h"
#include "pg/capture/restore_mark.h"

namespace fraiseql::pg {

namespace {

bool marked = false;  // the log has the mark for this transaction

void OnTransactionEnd(XactEvent event, void*) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) {
    marked = false;
  }
}

// The subtransaction may have written the mark.
void OnSubtransactionEnd(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) marked = false;
}

}  // namespace

bool IsRestoring() {
  return !check_function_bodies && !row_security &&
         (superuser() || OwnsDatabase(MyDatabaseId, GetUserId()));
}

void MarkRestore() {
  if (marked || check_function_bodies || row_security || !XLogLogicalInfoActive() || XactReadOnly ||
      IsInParallelMode() || RecoveryInProgress() || !IsRestoring()) {
    return;
  }
  LoggedMessage message;
  message.kind = LoggedKind::kRestore;
  marked = !XLogRecPtrIsInvalid(WriteToLogIfInstalled(message));
}

void InstallRestoreMark() {
  RegisterXactCallback(OnTransactionEnd, nullptr);
  RegisterSubXactCallback(OnSubtransactionEnd, nullptr);
}

}  // namespace fraiseql::pg
