// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>

#include "pg/base/worker_key.h"

namespace fraiseql::pg {

// The worker of a database's default stream makes sure that each further stream has a worker.  A
// session that adds a stream does the same at its commit; after a restart only this class does.
class StreamSettler {
 public:
  explicit StreamSettler(const WorkerKey& worker) : worker_(worker) {}

  // Does it, unless it is done; at most once a second, because a transaction that changes the
  // streams may be in progress.  REQUIRES: no transaction and no decoding callback is active.
  void Run(int64_t now_ms);

 private:
  static void Settle(void* self);

  const WorkerKey worker_;
  bool done_ = false;
  int64_t not_before_ms_ = 0;
};

}  // namespace fraiseql::pg
