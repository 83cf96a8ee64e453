// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>

#include "core/base/status.h"

#include "pg/shared/shmem.h"

namespace fraiseql::pg {

// The worker of a database's default stream makes sure that each further stream has a worker, and
// that a slot without a stream is dropped.  A session that adds or drops a stream does the same at
// its commit; after a restart only this class does.
class StreamSettler {
 public:
  // `entry`: of the worker; not owned.
  StreamSettler(const WorkerKey& worker, WorkerEntry* entry)
      : worker_(worker), entry_(entry), done_(worker.stream != kDefaultStream) {}

  // Does it, unless it is done; at most once a second, because a transaction that changes the
  // streams may be in progress.  While no entry is free for a stream, tries again.  REQUIRES: no
  // transaction and no decoding callback is active.
  void Run(int64_t now_ms);

  // Whether the slot must keep its position: the slot of a further stream is to be copied from it,
  // or may be, as long as this is not done.
  bool HoldsSlot() const;

  // The notice that status() shows while the slot keeps its position for longer than a moment.
  Status HeldNotice(int64_t now_ms);

 private:
  static void Settle(void* self);

  const WorkerKey worker_;
  WorkerEntry* const entry_;
  bool done_;
  int failures_ = 0;  // consecutive attempts that found no entry free
  int64_t not_before_ms_ = 0;
  int64_t held_since_ms_ = 0;  // 0: it is not held
};

}  // namespace fraiseql::pg
