// SPDX-License-Identifier: PostgreSQL
#include <string>

extern "C" {
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/timestamp.h"
}

#include "pg/settings/gucs.h"
#include "pg/shared/shmem.h"
#include "pg/shared/stream_stats.h"

namespace fraiseql::pg {

namespace {

int ObserverCount() { return settings.max_workers * kObserverStatsPerWorker; }

template <typename Body>
void ForEachObserver(const WorkerKey& key, Body body) {
  const StatsTables& stats = shared->stats;
  for (int i = 0; i < stats.observer_count; ++i) {
    if (stats.observers[i].key == key) body(&stats.observers[i]);
  }
}

void FreeStream(StreamStats* stats) {
  ForEachObserver(stats->key, [](ObserverStats* observer) { observer->key = {}; });
  *stats = {};
}

// A free entry.  Streams without a worker's entry may have statistics, from before the start of the
// server.
StreamStats* TakeEntry() {
  const StatsTables& stats = shared->stats;
  StreamStats* found = FindStreamStats({InvalidOid, kDefaultStream});
  for (int i = 0; found == nullptr && i < stats.stream_count; ++i) {
    if (FindEntry(stats.streams[i].key) != nullptr) continue;
    found = &stats.streams[i];
    FreeStream(found);
  }
  return found;
}

}  // namespace

Size StatsSize() {
  return add_size(mul_size(sizeof(StreamStats), static_cast<Size>(settings.max_workers)),
                  mul_size(sizeof(ObserverStats), static_cast<Size>(ObserverCount())));
}

void InitStats(char* memory, StatsTables* tables) {
  tables->stream_count = settings.max_workers;
  tables->streams = reinterpret_cast<StreamStats*>(memory);
  tables->observer_count = ObserverCount();
  tables->observers = reinterpret_cast<ObserverStats*>(tables->streams + tables->stream_count);
}

StreamStats* FindStreamStats(const WorkerKey& key) {
  const StatsTables& stats = shared->stats;
  for (int i = 0; i < stats.stream_count; ++i) {
    if (stats.streams[i].key == key) return &stats.streams[i];
  }
  return nullptr;
}

StreamStats* BeginStreamStats(const WorkerKey& key, const char* name) {
  StreamStats* stats = FindStreamStats(key);
  if (stats == nullptr) {
    stats = TakeEntry();
    stats->key = key;
    stats->since = GetCurrentTimestamp();
  }
  if (name[0] != '\0') strlcpy(stats->name, name, sizeof(stats->name));
  stats->uncounted = 0;
  stats->counts.Begin(stats->counts.Shown());
  ForEachObserver(
      key, [](ObserverStats* observer) { observer->counts.Begin(observer->counts.Shown()); });
  return stats;
}

void ForgetStats() {
  const StatsTables& stats = shared->stats;
  for (int i = 0; i < stats.stream_count; ++i) stats.streams[i] = {};
  for (int i = 0; i < stats.observer_count; ++i) stats.observers[i] = {};
}

void FreeStats(const WorkerKey& key) {
  const StatsTables& stats = shared->stats;
  for (int i = 0; i < stats.stream_count; ++i) {
    const WorkerKey found = stats.streams[i].key;
    if (found.database != key.database) continue;
    const bool goes_along = key.stream == kDefaultStream && FindEntry(found) == nullptr;
    if (found == key || goes_along) FreeStream(&stats.streams[i]);
  }
}

void ResetStats(const WorkerKey& key, TimestampTz now) {
  StreamStats* stats = FindStreamStats(key);
  if (stats == nullptr) return;
  stats->counts.Reset();
  stats->since = now;
  ForEachObserver(key, [=](ObserverStats* observer) {
    observer->counts.Reset();
    observer->since = now;
  });
}

}  // namespace fraiseql::pg
