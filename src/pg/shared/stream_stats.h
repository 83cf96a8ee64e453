// SPDX-License-Identifier: PostgreSQL
#pragma once

// The statistics of each stream, and of each observer, in shared memory.  They outlive the workers
// that count; a clean restart of the server keeps them in a file (pg/shared/stats_file.h), a crash
// resets them.  Include after postgres.h.

#include "core/change/observer_counts.h"
#include "core/pipeline/publish_stats.h"
#include "pg/base/worker_key.h"
#include "pg/shared/kept_counts.h"

extern "C" {
#include "datatype/timestamp.h"
}

namespace fraiseql::pg {

// Names are in UTF-8, because sessions of other databases read them.
constexpr int kStatsNameSize = 256;

// All but `counts.now` is under SharedState::lock.
struct StreamStats {
  WorkerKey key;              // database InvalidOid: the entry is free
  char name[kStatsNameSize];  // of the stream at the broker; empty: not known yet
  TimestampTz since;          // when the counts began
  int32 uncounted;            // observers for which no entry was free
  KeptCounts<StreamCounts> counts;
};

struct ObserverStats {
  WorkerKey key;              // of its stream; database InvalidOid: the entry is free
  char name[kStatsNameSize];  // empty: the observer does not exist any more
  TimestampTz since;
  KeptCounts<ObserverCounts> counts;
};

// The statistics of the server.  In SharedState.
struct StatsTables {
  StreamStats* streams;  // as many as there are workers
  int stream_count;
  ObserverStats* observers;
  int observer_count;
};

// Entries of observers for each of fraiseql_nats.max_workers; a stream may take more of them.
constexpr int kObserverStatsPerWorker = 256;

Size StatsSize();
// `memory` is zeroed, and has this size.
void InitStats(char* memory, StatsTables* tables);

// The entry of the stream; null if it has none.  REQUIRES: lock.
StreamStats* FindStreamStats(const WorkerKey& key);

// Begins the counts of a worker, added to those of the ones before it.  `name` may be empty.  Never
// null, since there are as many entries as workers.  REQUIRES: lock, exclusive, and the worker is
// attached.
StreamStats* BeginStreamStats(const WorkerKey& key, const char* name);

// Forgets everything.  REQUIRES: lock, exclusive, or no other process.
void ForgetStats();

// Forgets the stream and its observers; with a default stream also the other ones of the database
// that have no worker's entry.  REQUIRES: lock, exclusive, and no worker.
void FreeStats(const WorkerKey& key);

// The counts of a stream and of its observers begin at 0, at this time.  REQUIRES: lock, exclusive.
void ResetStats(const WorkerKey& key, TimestampTz now);

}  // namespace fraiseql::pg
