// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/transam.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
}

#include "pg/base/commit_visibility.h"
#include "pg/base/compat.h"

namespace fraiseql::pg {

namespace {

constexpr int kPauseMs = 1;

void Pause() {
  CHECK_FOR_INTERRUPTS();
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kPauseMs,
                  PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
}

}  // namespace

bool IsVisibleToAll(TransactionId xid) {
  // All transactions before this one have ended.  It also keeps TransactionIdIsInProgress() from
  // looking up a transaction in a truncated part of pg_subtrans.
  static TransactionId oldest_running = InvalidTransactionId;
  if (TransactionIdIsNormal(oldest_running) && TransactionIdPrecedes(xid, oldest_running)) {
    return true;
  }
  oldest_running = OldestRunningTransaction();
  return TransactionIdPrecedes(xid, oldest_running) || !TransactionIdIsInProgress(xid);
}

void AwaitLoggedCommits() {
  // A transaction delays checkpoints from before it writes its commit record until pg_xact says
  // "committed".
  int count = 0;
  VirtualTransactionId* committing = GetVirtualXIDsDelayingChkpt(&count, DELAY_CHKPT_START);
  while (HaveVirtualXIDsDelayingChkpt(committing, count, DELAY_CHKPT_START)) Pause();
  pfree(committing);
  // Now it is committed, but may still be shown as running: then the snapshot contains its xid.
  PushActiveSnapshot(GetLatestSnapshot());
  const Snapshot snapshot = GetActiveSnapshot();
  for (uint32 i = 0; i < snapshot->xcnt; ++i) {
    const TransactionId xid = snapshot->xip[i];
    while (TransactionIdDidCommit(xid) && TransactionIdIsInProgress(xid)) Pause();
  }
  PopActiveSnapshot();
}

}  // namespace fraiseql::pg
