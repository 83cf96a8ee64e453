// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <vector>

// Of nats.c.
struct __natsMsg;

namespace fraiseql::nats {

// Messages that are to be destroyed.  nats.c hands each to a thread of its own, and wakes it: one
// at a time, that takes more time than all the rest of a message.  So they go many at a time.
class DestroyBatch {
 public:
  DestroyBatch() = default;
  ~DestroyBatch() { Destroy(); }
  DestroyBatch(const DestroyBatch&) = delete;
  DestroyBatch& operator=(const DestroyBatch&) = delete;

  // Takes ownership; null is nothing.
  void Add(__natsMsg* message);
  void Destroy();

 private:
  std::vector<__natsMsg*> messages_;
  size_t bytes_ = 0;  // of their payloads
};

}  // namespace fraiseql::nats
