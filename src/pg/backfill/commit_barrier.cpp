// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/transam.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"
}

#include "pg/backfill/commit_barrier.h"
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

// A commit has two steps, of which only the first counts for logical decoding: the record in the
// log, and the end of the transaction for others.
void AwaitLoggedCommits() {
  // Checkpoints wait for the same reason: from before the record is written until pg_xact says
  // "committed".
  int count = 0;
  VirtualTransactionId* committing = GetVirtualXIDsDelayingChkpt(&count, DELAY_CHKPT_START);
  while (HaveVirtualXIDsDelayingChkpt(committing, count, DELAY_CHKPT_START)) Pause();
  pfree(committing);
  // From then on it is committed, and still shown as running.
  PushActiveSnapshot(GetLatestSnapshot());
  const Snapshot snapshot = GetActiveSnapshot();
  for (uint32 i = 0; i < snapshot->xcnt; ++i) {
    const TransactionId xid = snapshot->xip[i];
    while (TransactionIdDidCommit(xid) && TransactionIdIsInProgress(xid)) Pause();
  }
  PopActiveSnapshot();
}

}  // namespace fraiseql::pg
