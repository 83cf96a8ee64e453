// SPDX-License-Identifier: PostgreSQL
// The worker's process: how it begins and how it ends.
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

// As the launcher has put it there.
WorkerKey OwnKey() {
  WorkerKey key;
  memcpy(&key, MyBgworkerEntry->bgw_extra, sizeof(key));
  return key;
}

// Why there is no worker now.  REQUIRES: lock.
void ShowEnd(int code, WorkerTexts* texts) {
  texts->reason[0] = texts->hint[0] = '\0';
  if (code == 0 || LastError()[0] == '\0') return;
  ClipText(LastError(), texts->last_error);
  texts->last_error_at = GetCurrentTimestamp();
  ClipText("the worker has ended with an error, and is started again: ", texts->reason);
  const size_t size = strlen(texts->reason);
  ClipText(LastError(), texts->reason + size, sizeof(texts->reason) - size);
  strlcpy(texts->hint, "See the server's log for its detail and context.", sizeof(texts->hint));
}

// Runs as the process ends, in whatever way but a crash.
void Detach(int code, Datum) {
  WorkerEntry* entry = FindEntry(OwnKey());
  if (entry == nullptr) return;
  entry->latch = nullptr;
  pg_atomic_write_u32(&entry->sleeping, 0);
  pg_atomic_write_u32(&entry->counters.state, static_cast<uint32>(WorkerState::kStopped));
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  entry->pid = 0;
  if (code != 0) {
    // Soon after a first failure, less and less often after more of them.
    const int delay_ms = 100 << std::min(entry->failures, 9);
    entry->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay_ms);
    ++entry->failures;
    CountDeath(&entry->deaths);
  }
  ShowEnd(code, &entry->texts);
  LWLockRelease(shared->lock);
  WakeLauncher();
}

// The very last step.  Threads of libraries may still run, one of ours may be connecting; the exit
// handlers of the libraries would run beside them.
void ExitAtOnce(int code, Datum) { _exit(DatabaseHasGone() ? 0 : code); }

// Large transactions are on disk beyond this.  The server's default of 64MB makes for a process of
// 120 MB; what the administrator has set stays.
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
    ResetCounters(entry);
  }
  LWLockRelease(shared->lock);
  if (!welcome) proc_exit(0);
  // Registered before the connection to the database is, and so run after the slot is released and
  // the process has left the list of those that are connected: who waits for it can go on.
  on_shmem_exit(Detach, 0);
  return entry;
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PGDLLEXPORT void fraiseql_nats_worker_main(Datum);

void fraiseql_nats_worker_main(Datum) {
  using namespace fraiseql::pg;
  // It also ends waits inside of Postgres, for old transactions say.
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
  // Lives until the process ends, and is then left to the kernel.
  auto* worker = new Worker(OwnKey(), entry);
  Guard([=] { worker->Run(); });
}
}
