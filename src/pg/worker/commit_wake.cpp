// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
}

#include "pg/worker/commit_wake.h"
#include "pg/shared/shmem.h"

namespace fraiseql::pg {

namespace {

void Raise(pg_atomic_uint64* value, uint64 to) {
  uint64 seen = pg_atomic_read_u64(value);
  while (seen < to && !pg_atomic_compare_exchange_u64(value, &seen, to)) {
  }
}

void Wake(WorkerEntry* entry, XLogRecPtr commit_end) {
  Raise(&entry->commit_end, commit_end);
  // The worker sets the flag and then reads commit_end again: with a full barrier on both sides, at
  // least one of the two sees the other's write.
  pg_memory_barrier();
  if (pg_atomic_read_u32(&entry->sleeping) != 0 &&
      pg_atomic_exchange_u32(&entry->sleeping, 0) != 0) {
    WakeWorker(entry);
  }
}

// Runs in the committing backend after its commit record is written, and flushed unless the commit
// is asynchronous.  Must not raise; takes no lock.
void OnTransactionEnd(XactEvent event, void*) {
  static XLogRecPtr last_end = InvalidXLogRecPtr;
  if (event != XACT_EVENT_COMMIT || shared == nullptr || XactLastCommitEnd == last_end) return;
  // XactLastCommitEnd also moves for COMMIT PREPARED, which has no xid of its own here.
  last_end = XactLastCommitEnd;
  if (!OidIsValid(MyDatabaseId)) return;
  ForEachEntry(MyDatabaseId, [](WorkerEntry* entry) { Wake(entry, last_end); });
}

}  // namespace

void InstallCommitWake() { RegisterXactCallback(OnTransactionEnd, nullptr); }

}  // namespace fraiseql::pg
