// SPDX-License-Identifier: PostgreSQL
#include <initializer_list>

#include <csignal>

extern "C" {
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
}

#include "pg/settings/gucs.h"
#include "pg/shared/shmem.h"
#include "pg/shared/stats_file.h"

namespace fraiseql::pg {

SharedState* shared = nullptr;

namespace {

constexpr char kTranche[] = "fraiseql_nats";

shmem_request_hook_type previous_request = nullptr;
shmem_startup_hook_type previous_startup = nullptr;

Size EntriesSize() {
  return MAXALIGN(add_size(offsetof(SharedState, entries),
                           mul_size(sizeof(WorkerEntry), static_cast<Size>(settings.max_workers))));
}

Size SharedSize() { return add_size(EntriesSize(), StatsSize()); }

void Request() {
  if (previous_request != nullptr) previous_request();
  RequestAddinShmemSpace(SharedSize());
  RequestNamedLWLockTranche(kTranche, 1);
}

void InitProgress(WorkerProgress* progress) {
  WorkerProgress& p = *progress;
  pg_atomic_init_u32(&p.state, 0);
  pg_atomic_init_u32(&p.in_flight, 0);
  pg_atomic_init_u32(&p.exclusive, 0);
  for (pg_atomic_uint64* position :
       {&p.read_lsn, &p.sent_lsn, &p.confirmed_lsn, &p.oldest_unacked_at, &p.last_progress_at}) {
    pg_atomic_init_u64(position, 0);
  }
}

void InitEntry(WorkerEntry* entry) {
  pg_atomic_init_u32(&entry->sleeping, 0);
  pg_atomic_init_u32(&entry->stream_touched, 0);
  pg_atomic_init_u32(&entry->skips, 0);
  pg_atomic_init_u32(&entry->awaited_slots, 0);
  pg_atomic_init_u64(&entry->commit_end, 0);
  InitProgress(&entry->progress);
}

void Startup() {
  if (previous_startup != nullptr) previous_startup();
  bool found = false;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  shared = static_cast<SharedState*>(ShmemInitStruct(kTranche, SharedSize(), &found));
  if (!found) {
    memset(static_cast<void*>(shared), 0, SharedSize());
    shared->lock = &GetNamedLWLockTranche(kTranche)->lock;
    shared->entry_count = settings.max_workers;
    for (int i = 0; i < shared->entry_count; ++i) InitEntry(&shared->entries[i]);
    InitStats(reinterpret_cast<char*>(shared) + EntriesSize(), &shared->stats);
  }
  LWLockRelease(AddinShmemInitLock);
  if (IsUnderPostmaster) return;
  on_shmem_exit(
      [](int code, Datum) {
        if (code == 0) SaveStats();
      },
      0);
  if (!found) LoadStats();
}

}  // namespace

const char* WorkerStateName(WorkerState state) {
  switch (state) {
    case WorkerState::kStopped:
      return "stopped";
    case WorkerState::kStarting:
      return "starting";
    case WorkerState::kMisconfigured:
      return "misconfigured";
    case WorkerState::kConnecting:
      return "connecting";
    case WorkerState::kStreaming:
      return "streaming";
    case WorkerState::kWaiting:
      return "waiting";
    case WorkerState::kBlocked:
      return "blocked";
    case WorkerState::kPaused:
      return "paused";
  }
  return "unknown";
}

void InstallSharedMemoryHooks() {
  previous_request = shmem_request_hook;
  shmem_request_hook = Request;
  previous_startup = shmem_startup_hook;
  shmem_startup_hook = Startup;
}

WorkerEntry* FindEntry(const WorkerKey& key) {
  for (int i = 0; i < shared->entry_count; ++i) {
    WorkerEntry* entry = &shared->entries[i];
    if (entry->database == key.database && entry->stream == key.stream) return entry;
  }
  return nullptr;
}

WorkerEntry* FindOrAddEntry(const WorkerKey& key) {
  WorkerEntry* entry = FindEntry(key);
  if (entry != nullptr) return entry;
  entry = FindEntry({InvalidOid, kDefaultStream});
  if (entry == nullptr) return nullptr;
  entry->stream = key.stream;
  entry->pid = 0;
  entry->starting = entry->has_extension = entry->without_extension = entry->drop_slot = false;
  entry->reserved = entry->held = entry->awaits_slot = false;
  entry->lacks_entries = false;
  entry->without_entry = entry->reserved_without_entry = 0;
  entry->fingerprint = 0;
  ++entry->settled;
  entry->vacating = entry->failures = 0;
  entry->origin_checked = false;
  entry->deaths = {};
  entry->not_before = 0;
  memset(&entry->texts, 0, sizeof(entry->texts));
  entry->alarm = {};
  entry->latch = nullptr;
  InitEntry(entry);
  pg_write_barrier();  // committers look without the lock, see ForEachEntry()
  entry->database = key.database;
  return entry;
}

void ResetProgress(WorkerEntry* entry) {
  const uint64 last = pg_atomic_read_u64(&entry->progress.last_progress_at);
  InitProgress(&entry->progress);
  pg_atomic_write_u64(&entry->progress.last_progress_at, last);
}

void AskToEnd(const WorkerEntry* entry) {
  if (entry->pid != 0) (void)kill(entry->pid, SIGTERM);
}

// Reads the latch once: a worker that ends takes it away without the lock.
void WakeWorker(const WorkerEntry* entry) {
  Latch* latch = *static_cast<Latch* const volatile*>(&entry->latch);
  if (latch != nullptr) SetLatch(latch);
}

void FreeEntry(WorkerEntry* entry) {
  entry->database = InvalidOid;
  entry->stream = kDefaultStream;
}

void WakeLauncher() {
  Latch* latch = shared->launcher_latch;
  if (latch != nullptr) SetLatch(latch);
}

}  // namespace fraiseql::pg
