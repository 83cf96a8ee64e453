// SPDX-License-Identifier: PostgreSQL
#pragma once

// The memory that launcher, workers and ordinary backends share: one entry for each stream of each
// database that has the extension, and the statistics.  Include after postgres.h.

extern "C" {
#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
}

#include "pg/base/isolation.h"
#include "pg/base/worker_key.h"
#include "pg/shared/stream_stats.h"

namespace fraiseql::pg {

// The state of a worker, as status() names it.
enum class WorkerState : int32 {
  kStopped,        // no process
  kStarting,       // creating the slot, waiting for older transactions
  kMisconfigured,  // waits for a setting; reason and hint say which
  kConnecting,     // to the broker, or reading the stream
  kStreaming,
  kWaiting,  // for the next attempt, after a failure
  kBlocked,  // by one message that the broker does not accept
  kPaused,   // by pause(), until resume()
};
const char* WorkerStateName(WorkerState state);

// Texts of status(), under SharedState::lock.
struct WorkerTexts {
  char reason[512];  // why the state is not streaming; empty: no reason
  char hint[512];
  char server[128];
  char stream[256];
  // The stream's subjects, separated by commas, as last seen; empty: unknown, or longer than this.
  char subjects[1024];
  char subject_prefix[256];  // the worker's current one
  char topic_prefix[256];
  char last_error[512];
  char dlq_trouble[256];      // why dead letters of consumers are not moved; empty: they are
  TimestampTz last_error_at;  // 0: none
  char stream_drift[256];     // settings that the stream does not follow; empty: none
  char blocked_at[64];        // the position of the message that blocks; empty: none does
  char skip[64];              // the one that skip() was called for
};

// A loss that the worker cannot repair, until it is in the table fraiseql_nats.alarm.  Under
// SharedState::lock.
struct RaisedAlarm {
  TimestampTz at;  // 0: none
  char kind[16];
  char message[256];
  char hint[256];
};

// Where a worker is now, as status() shows it; only the worker writes it, all processes read it
// without a lock.  What it has counted is in pg/shared/stream_stats.h.
struct WorkerProgress {
  pg_atomic_uint32 state;  // WorkerState
  pg_atomic_uint32 in_flight;
  pg_atomic_uint64 read_lsn;           // end of the last record decoded
  pg_atomic_uint64 sent_lsn;           // commit of the last message sent
  pg_atomic_uint64 confirmed_lsn;      // confirmed to the slot
  pg_atomic_uint64 oldest_unacked_at;  // TimestampTz of the commit; 0: all are acknowledged
  pg_atomic_uint32 exclusive;          // whether messages are tied to one another now
  pg_atomic_uint64 last_progress_at;   // TimestampTz; 0: none yet
};

struct WorkerEntry {
  // Under SharedState::lock.
  Oid database;             // InvalidOid: the entry is free.  Read without the lock by committers.
  int32 stream;             // see WorkerKey
  pid_t pid;                // of the worker; 0: none
  bool starting;            // a worker is registered and has not attached yet
  TimestampTz attached_at;  // of the worker
  bool has_reloaded;        // the settings, since then; written by the worker, without the lock
  // The database has the extension (or it was just created), and the stream; else the worker has to
  // check.
  bool has_extension;
  bool without_extension;  // the worker found that the database does not have it
  // DROP EXTENSION or drop_stream() committed: the launcher drops the slot once the worker has
  // ended.
  bool drop_slot;
  // A transaction that is still running adds the stream.
  bool reserved;
  // A transaction that is still running deletes the stream at the broker: no worker may start.
  bool held;
  // The slot has to start at the position of the default stream's; see pg/shared/stream_entries.h.
  bool awaits_slot;
  uint64_t fingerprint;    // of the stream's row in fraiseql_nats.stream; 0: no row
  uint32 settled;          // counts the commits that have changed what the tables say of the stream
  int vacating;            // number of sessions that need the database without our workers now
  int failures;            // consecutive failures of the worker
  WorkerDeaths deaths;     // by an error while decoding
  bool origin_checked;     // by SlotStartup since the server started; used by the worker only
  TimestampTz not_before;  // the earliest time of the next start
  WorkerTexts texts;
  RaisedAlarm alarm;

  // Set by the worker while it lives, see WakeWorker(): `latch` of its PGPROC, which outlives it,
  // so a late SetLatch at most wakes another process.
  Latch* volatile latch;
  // The worker is about to wait for the log: the next committer exchanges it for 0 and sets the
  // latch.  All other commits make no system call.
  pg_atomic_uint32 sleeping;
  // Highest end of a commit record: the worker flushes an asynchronous commit instead of waiting
  // for it.
  pg_atomic_uint64 commit_end;

  // In the entry of the default stream: whether streams of this database have no entry; how many
  // have neither an entry nor a slot, as committed, and as the transaction that is committing has
  // it; and how many streams await their slot, those included.
  bool lacks_entries;
  uint32 without_entry;
  uint32 reserved_without_entry;
  pg_atomic_uint32 awaited_slots;

  // Counts the calls that may have changed the stream, so that the worker checks it again.
  pg_atomic_uint32 stream_touched;
  pg_atomic_uint32 skips;  // number of calls of skip(); texts.skip is the last one

  WorkerProgress progress;
};

// Why the launcher starts no worker, if FraiseQL's files switch publishing off; under
// SharedState::lock.
struct LauncherTexts {
  char disabled_by[256];  // the place in the files; empty: none
};

struct SharedState {
  LWLock* lock;
  Latch* volatile launcher_latch;  // null: the launcher does not run
  TimestampTz reloaded_at;         // when the launcher did it last
  LauncherTexts launcher;
  StatsTables stats;
  int entry_count;
  // End of the log when this server started (or was promoted), before any of our workers ran.
  XLogRecPtr start_lsn;
  WorkerEntry entries[FLEXIBLE_ARRAY_MEMBER];
};

// Null if the library was not preloaded: then no worker runs, and status() says so.
extern SharedState* shared;

// Called once, from _PG_init of the postmaster.
void InstallSharedMemoryHooks();

// The entry of the worker, or null.  REQUIRES: the lock is held, or a wrong answer does no harm:
// without it, the two halves of a key may be seen at different times, and match those of another.
WorkerEntry* FindEntry(const WorkerKey& key);

// The entry of the worker, added if necessary; null if no entry is free.  REQUIRES: lock,
// exclusive.
WorkerEntry* FindOrAddEntry(const WorkerKey& key);

// Calls `body` with each entry of the database.  REQUIRES: the lock is held, or `body` uses atomics
// and the latch only.
template <typename Body>
void ForEachEntry(Oid database, Body body) {
  for (int i = 0; i < shared->entry_count; ++i) {
    if (shared->entries[i].database != database) continue;
    pg_read_barrier();  // pairs with FindOrAddEntry(): what it has initialized is seen as such
    body(&shared->entries[i]);
  }
}

// A worker begins.  REQUIRES: lock, exclusive, and no worker.
void ResetProgress(WorkerEntry* entry);

// Asks the worker to end, by a signal, because a latch does not end waits inside Postgres, for
// transactions older than a new slot for example.  REQUIRES: lock, under which a process that ends
// clears its pid.
void AskToEnd(const WorkerEntry* entry);

// Sets the worker's latch, if there is one.  Any process, also without the lock.
void WakeWorker(const WorkerEntry* entry);

// Frees the entry.  REQUIRES: lock, exclusive.
void FreeEntry(WorkerEntry* entry);

void WakeLauncher();

}  // namespace fraiseql::pg
