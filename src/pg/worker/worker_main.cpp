// SPDX-License-Identifier: PostgreSQL
// The worker's process: its start and its end.
#include <algorithm>

extern "C" {
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
}

#include "pg/base/guard.h"
#include "pg/base/plugin_name.h"
#include "pg/base/pinned_settings.h"
#include "pg/base/shared_text.h"
#include "pg/worker/worker.h"

namespace fraiseql::pg {

namespace {

// The launcher has put the key into bgw_extra.
WorkerKey OwnKey() {
  WorkerKey key;
  memcpy(&key, MyBgworkerEntry->bgw_extra, sizeof(key));
  return key;
}

// Shows why no worker runs now.  REQUIRES: lock.
void ShowEnd(int code, WorkerTexts* texts) {
  texts->reason[0] = texts->hint[0] = '\0';
  if (code == 0 || LastError()[0] == '\0') return;
  ClipText(LastError(), texts->last_error);
  texts->last_error_at = GetCurrentTimestamp();
  ClipText("the worker has ended with an error, and is restarted: ", texts->reason);
  const size_t size = strlen(texts->reason);
  ClipText(LastError(), texts->reason + size, sizeof(texts->reason) - size);
  strlcpy(texts->hint, "See the server's log for its detail and context.", sizeof(texts->hint));
}

// Runs when the process ends, except by a crash.
void Detach(int code, Datum own) {
  // No other process frees the entry while `pid` is set.
  auto* entry = static_cast<WorkerEntry*>(static_cast<void*>(DatumGetPointer(own)));
  entry->latch = nullptr;
  pg_atomic_write_u32(&entry->sleeping, 0);
  pg_atomic_write_u32(&entry->progress.state, static_cast<uint32>(WorkerState::kStopped));
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  entry->pid = 0;
  if (code != 0) {
    // The delay before a restart doubles with each failure.
    const int delay_ms = 100 << std::min(entry->failures, 9);
    entry->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay_ms);
    ++entry->failures;
    CountDeath(&entry->deaths);
  }
  ShowEnd(code, &entry->texts);
  LWLockRelease(shared->lock);
  WakeLauncher();
}

// The last step.  Threads of libraries and a connecting thread of ours may still run, so the exit
// handlers of the libraries must not.
void ExitAtOnce(int code, Datum) { _exit(DatabaseHasGone() ? 0 : code); }

// Decoding spills larger transactions to disk.  With the server's default of 64MB the process takes
// 120 MB.  A value that the administrator has set stays.
void LimitMemory() {
  SetConfigOption("logical_decoding_work_mem", "32MB", PGC_USERSET, PGC_S_DYNAMIC_DEFAULT);
}

WorkerEntry* Attach() {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  WorkerEntry* entry = FindEntry(OwnKey());
  const bool welcome = entry != nullptr && entry->pid == 0 && entry->vacating == 0;
  if (entry != nullptr) entry->starting = false;
  if (welcome) {
    entry->pid = MyProcPid;
    entry->latch = MyLatch;
    entry->attached_at = GetCurrentTimestamp();
    entry->has_reloaded = false;
    // See Launcher::RepeatReload().
    if (MyStartTimestamp <= shared->reloaded_at) ConfigReloadPending = true;
    ResetProgress(entry);
  }
  LWLockRelease(shared->lock);
  if (!welcome) proc_exit(0);
  // Registered before the connection to the database, and so called after the slot is released and
  // the process is no longer in the process array: a session that waits for that can continue.
  on_shmem_exit(Detach, PointerGetDatum(entry));
  return entry;
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PGDLLEXPORT void fraiseql_nats_worker_main(Datum);

void fraiseql_nats_worker_main(Datum) {
  using namespace fraiseql::pg;
  // die() also ends waits inside Postgres, for old transactions for example.
  pqsignal(SIGTERM, die);
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  on_proc_exit(ExitAtOnce, 0);
  BackgroundWorkerUnblockSignals();
  WorkerEntry* entry = Attach();
  NoteErrors();
  BackgroundWorkerInitializeConnectionByOid(OwnKey().database, InvalidOid, 0);
  PinProcessSettings();
  PinSettings(false);
  AllowOwnPlugin(false);
  LimitMemory();
  // Lives until the process ends; the kernel frees it.
  auto* worker = new Worker(OwnKey(), entry);
  Guard([=] { worker->Run(); });
}
}
