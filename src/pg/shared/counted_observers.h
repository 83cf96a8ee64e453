// SPDX-License-Identifier: PostgreSQL
#pragma once

// The entries that the observers of one stream have in the statistics: the worker's side of
// pg/shared/stream_stats.h.  Include after postgres.h.

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/pipeline/window.h"
#include "core/route/observer.h"
#include "pg/shared/stream_stats.h"

namespace fraiseql::pg {

class CountedObservers {
 public:
  // Takes over the entries that the stream's observers have.  REQUIRES: BeginStreamStats(), which
  // has returned `stream`.
  void Open(StreamStats* stream);

  // Whether entries were freed while observers had none: they get them by the next Assign().  Says
  // so once.
  bool TakeRoom() { return std::exchange(room_, false); }

  // The observers of the stream have changed: `names` are all, `observers` those that publish,
  // which get their counts; null if no entry is free, of which the log and `uncounted` tell.
  void Assign(const std::vector<std::string>& names, std::vector<Observer>* observers);

  // Frees the entries of observers that do not exist any more, once no message of the window counts
  // for them.  Cheap if there are none.
  void Release(const Window& window) {
    if (!retired_.empty()) ReleaseRetired(window);
  }

 private:
  struct Retired {
    ObserverStats* stats;
    uint64_t end;  // messages from this one on are of others; 0: to be set
  };

  void Retire(const std::vector<std::string>& names);
  void Add(const std::vector<std::string>& names);
  ObserverStats* TakeEntry(const std::string& name);
  void ReleaseRetired(const Window& window);

  StreamStats* stream_ = nullptr;
  std::unordered_map<std::string, ObserverStats*> own_;
  std::vector<Retired> retired_;
  int next_ = 0;  // where to look for a free entry
  bool room_ = false;
};

}  // namespace fraiseql::pg
