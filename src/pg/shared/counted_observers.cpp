// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <unordered_set>

extern "C" {
#include "postgres.h"

#include "storage/lwlock.h"
#include "utils/timestamp.h"
}

#include "pg/shared/counted_observers.h"
#include "pg/shared/shmem.h"

namespace fraiseql::pg {

void CountedObservers::Open(StreamStats* stream) {
  stream_ = stream;
  const StatsTables& tables = shared->stats;
  // Only this process changes those of the stream; but a key that another one is writing might look
  // like this one.
  LWLockAcquire(shared->lock, LW_SHARED);
  for (int i = 0; i < tables.observer_count; ++i) {
    ObserverStats* stats = &tables.observers[i];
    if (!(stats->key == stream->key)) continue;
    if (stats->name[0] != '\0') {
      own_[stats->name] = stats;
    } else {
      retired_.push_back({stats, 0});
    }
  }
  LWLockRelease(shared->lock);
}

void CountedObservers::Assign(const std::vector<std::string>& names,
                              std::vector<Observer>* observers) {
  if (stream_ == nullptr) return;
  Retire(names);
  Add(names);
  for (Observer& observer : *observers) {
    const auto found = own_.find(observer.name);
    observer.counts = found != own_.end() ? &found->second->counts.now : nullptr;
  }
}

void CountedObservers::Retire(const std::vector<std::string>& names) {
  const std::unordered_set<std::string> all(names.begin(), names.end());
  for (auto at = own_.begin(); at != own_.end();) {
    if (all.count(at->first) > 0) {
      ++at;
      continue;
    }
    retired_.push_back({at->second, 0});
    LWLockAcquire(shared->lock, LW_EXCLUSIVE);
    at->second->name[0] = '\0';
    LWLockRelease(shared->lock);
    at = own_.erase(at);
  }
}

void CountedObservers::Add(const std::vector<std::string>& names) {
  int uncounted = 0;
  for (const std::string& name : names) {
    if (own_.count(name) > 0) continue;
    if (ObserverStats* stats = TakeEntry(name); stats != nullptr) {
      own_[name] = stats;
    } else {
      ++uncounted;
    }
  }
  if (uncounted == stream_->uncounted) return;
  const bool more = uncounted > stream_->uncounted;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  stream_->uncounted = uncounted;
  LWLockRelease(shared->lock);
  if (!more) return;
  ereport(
      WARNING,
      (errmsg("statistics have no room for %d observers of stream \"%s\"", uncounted,
              stream_->name),
       errdetail("They have room for %d observers of the server.", shared->stats.observer_count),
       errhint("Increase \"fraiseql_nats.max_workers\" and restart the server: each adds room "
               "for %d observers.",
               kObserverStatsPerWorker)));
}

// Null if none is free.
ObserverStats* CountedObservers::TakeEntry(const std::string& name) {
  const StatsTables& tables = shared->stats;
  ObserverStats* found = nullptr;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  for (int i = 0; found == nullptr && i < tables.observer_count; ++i) {
    ObserverStats* stats = &tables.observers[next_++ % tables.observer_count];
    if (!OidIsValid(stats->key.database)) found = stats;
  }
  next_ %= tables.observer_count;
  if (found != nullptr) {
    *found = {};
    strlcpy(found->name, name.c_str(), sizeof(found->name));
    found->since = GetCurrentTimestamp();
    found->key = stream_->key;
  }
  LWLockRelease(shared->lock);
  return found;
}

void CountedObservers::ReleaseRetired(const Window& window) {
  for (Retired& retired : retired_) {
    if (retired.end == 0) retired.end = window.end();
  }
  const auto kept = std::partition(retired_.begin(), retired_.end(), [&](const Retired& retired) {
    return window.first() < retired.end;
  });
  if (kept == retired_.end()) return;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  std::for_each(kept, retired_.end(), [](const Retired& retired) { retired.stats->key = {}; });
  LWLockRelease(shared->lock);
  retired_.erase(kept, retired_.end());
  room_ = stream_->uncounted > 0;
}

}  // namespace fraiseql::pg
