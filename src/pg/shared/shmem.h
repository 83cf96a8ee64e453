// SPDX-License-Identifier: PostgreSQL
#pragma once

// The memory that launcher, workers and ordinary backends share: one entry for each database that
// has the extension.  Include after postgres.h.

extern "C" {
#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
}

#include "pg/base/isolation.h"
#include "pg/base/worker_key.h"

namespace fraiseql::pg {

// What a worker does, as status() names it.
enum class WorkerState : int32 {
  kStopped,        // no process
  kStarting,       // making the slot, waiting for older transactions
  kMisconfigured,  // waits for a setting; reason and hint say which
  kConnecting,     // to the broker, or looking at the stream
  kStreaming,
  kWaiting,  // for the next attempt, after a failure
  kBlocked,  // by one message that the broker does not take
};
const char* WorkerStateName(WorkerState state);

// Texts of status(), under SharedState::lock.
struct WorkerTexts {
  char reason[512];  // why the state is not streaming; empty: no reason
  char hint[512];
  char server[128];
  char stream[256];
  // What the stream takes, separated by commas, as last seen; empty: not known, or too much to say.
  char subjects[1024];
  char subject_prefix[256];  // that the worker uses
  char topic_prefix[256];
  char last_error[512];
  char dlq_trouble[256];  // what keeps dead letters of consumers from being moved; empty: nothing
  TimestampTz last_error_at;  // 0: none
  char stream_drift[256];     // settings that the stream does not follow; empty: none
};

// What was lost and cannot be mended from here, until it is in the table fraiseql_nats.alarm. Under
// SharedState::lock.
struct RaisedAlarm {
  TimestampTz at;  // 0: none
  char kind[16];
  char message[256];
  char hint[256];
};

// What is counted of one observer.
struct ObserverCount {
  pg_atomic_uint64 name_hash;  // see pg/observer_counts.h; 0: the place is free
  pg_atomic_uint64 untestable;
};
constexpr int kCountedObservers = 128;  // with something to count; the total is of all

// What status() shows; written by the worker only, read by all without a lock.
struct WorkerCounters {
  pg_atomic_uint32 state;  // WorkerState
  pg_atomic_uint32 in_flight;
  pg_atomic_uint64 read_lsn;           // end of the last record decoded
  pg_atomic_uint64 sent_lsn;           // commit of the last message sent
  pg_atomic_uint64 confirmed_lsn;      // told to the slot
  pg_atomic_uint64 oldest_unacked_at;  // TimestampTz of the commit; 0: nothing is waiting
  pg_atomic_uint64 sent;
  pg_atomic_uint64 acked;
  pg_atomic_uint64 resent;
  pg_atomic_uint64 found;      // in the stream, and so not sent again
  pg_atomic_uint32 exclusive;  // whether messages are tied to one another now
  pg_atomic_uint64 order_breaks;
  pg_atomic_uint64 dropped;     // notifications that found the window full, with capture = notify
  pg_atomic_uint64 untestable;  // changes that were not published, as a condition had no answer
  pg_atomic_uint64 dead_letters;
  pg_atomic_uint64 reconnects;
  pg_atomic_uint64 last_progress_at;    // TimestampTz; 0: none yet
  pg_atomic_uint64 dlq_moved;           // dead letters of consumers
  pg_atomic_uint64 dlq_put_off;         // attempts to move one that failed
  pg_atomic_uint64 dlq_not_understood;  // what was to announce one, and was dropped
  ObserverCount observers[kCountedObservers];
};

struct WorkerEntry {
  // Under SharedState::lock.
  Oid database;   // InvalidOid: the entry is free.  Read without the lock by committers.
  int32 stream;   // see WorkerKey
  pid_t pid;      // of the worker; 0: none
  bool starting;  // a worker is registered and has not attached yet
  // The database is known to have the extension (or it was just created), and the stream; else the
  // worker is to find out.
  bool has_extension;
  bool without_extension;  // the worker found that the database does not have it
  // DROP EXTENSION or drop_stream() committed: the slot goes when the worker has gone.
  bool drop_slot;
  // A transaction that has not ended adds the stream.
  bool reserved;
  // The slot is to begin where that of the default stream is; see pg/shared/stream_entries.h.
  bool awaits_slot;
  uint64_t fingerprint;    // of the stream's row in fraiseql_nats.stream; 0: there is none
  int vacating;            // sessions that need the database without us, now
  int failures;            // of the worker in a row
  WorkerDeaths deaths;     // of an error while it decoded
  bool origin_checked;     // since the server started, by the slot startup; the worker's only
  TimestampTz not_before;  // start no worker before
  WorkerTexts texts;
  RaisedAlarm alarm;
  TimestampTz stats_since;  // when the counters began at 0

  // Set by the worker while it lives: `latch` of its PGPROC, which outlives it, so a late SetLatch
  // at most wakes a stranger.
  Latch* volatile latch;
  // The worker is about to wait for the log: the next committer exchanges it for 0 and sets the
  // latch.  Everybody else commits without a system call.
  pg_atomic_uint32 sleeping;
  // Highest end of a commit record: an asynchronous commit is flushed by the worker, not waited
  // for.
  pg_atomic_uint64 commit_end;

  // Of the entry of the default stream: how many entries of this database await their slot.
  pg_atomic_uint32 awaited_slots;

  // Counts the calls that may have changed the stream, for the worker to look at it again.
  pg_atomic_uint32 stream_touched;

  WorkerCounters counters;
};

// Why the launcher starts no worker, if FraiseQL's files say so; under SharedState::lock.
struct LauncherTexts {
  char disabled_by[256];  // the place in the files; empty: they do not
};

struct SharedState {
  LWLock* lock;
  Latch* volatile launcher_latch;  // null: the launcher does not run
  LauncherTexts launcher;
  int entry_count;
  // How far the log went when this server started (or was promoted), before any of our workers.
  XLogRecPtr start_lsn;
  WorkerEntry entries[FLEXIBLE_ARRAY_MEMBER];
};

// Null when the library was not preloaded: then nothing runs, and status() says so.
extern SharedState* shared;

// Called once, from _PG_init of the postmaster.
void InstallSharedMemoryHooks();

// The entry of the worker, or null.  REQUIRES: the lock is held, or a stale answer does no harm.
WorkerEntry* FindEntry(const WorkerKey& key);

// The entry of the worker, made if there is a free one; null if not.  REQUIRES: lock, exclusive.
WorkerEntry* FindOrAddEntry(const WorkerKey& key);

// Calls `body` with each entry of the database.  REQUIRES: as for FindEntry().
template <typename Body>
void ForEachEntry(Oid database, Body body) {
  for (int i = 0; i < shared->entry_count; ++i) {
    if (shared->entries[i].database == database) body(&shared->entries[i]);
  }
}

// Sets what is counted to 0.  REQUIRES: lock, exclusive, and no worker.
void ResetCounters(WorkerEntry* entry);

// Asks the worker to end by a signal, since a latch does not end waits inside of Postgres: for the
// transactions that are older than a slot in the making, say.  REQUIRES: lock, under which a
// process that ends clears its pid.
void AskToEnd(const WorkerEntry* entry);

// Gives the entry back.  REQUIRES: lock, exclusive.
void FreeEntry(WorkerEntry* entry);

void WakeLauncher();

}  // namespace fraiseql::pg
