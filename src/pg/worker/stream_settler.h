// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>

#include "pg/base/worker_key.h"

namespace fraiseql::pg {

// Has the worker of a database's default stream see to it that each further stream has one.  Who
// adds a stream does the same at its commit; but nobody does after a restart of the server.
class StreamSettler {
 public:
  explicit StreamSettler(const WorkerKey& worker) : worker_(worker) {}

  // Does it, unless it is done; at most once a second, for a transaction that changes the streams
  // may be under way.  REQUIRES: no transaction and no decoding callback is active.
  void Run(int64_t now_ms);

 private:
  static void Settle(void* self);

  const WorkerKey worker_;
  bool done_ = false;
  int64_t not_before_ms_ = 0;
};

}  // namespace fraiseql::pg
