// SPDX-License-Identifier: PostgreSQL
#pragma once

// What a worker waits for: its latch, the end of the postmaster, and the publisher's descriptors.
// Include after postgres.h.

#include <cstdint>

#include "nats/publish/publisher.h"

extern "C" {
#include "storage/latch.h"
}

namespace fraiseql::pg {

class WaitSet {
 public:
  // `publisher` is not owned.
  explicit WaitSet(nats::Publisher* publisher) : publisher_(publisher) {}

  // Waits for at most `timeout_ms` (-1: forever; 0: only polls) and reports events of its
  // descriptors to the publisher.  Returns at once if the latch is set, and resets it.  May raise.
  void Wait(int64_t timeout_ms, uint32_t wait_event);

 private:
  void Rebuild();
  void Adjust();

  nats::Publisher* const publisher_;
  WaitEventSet* set_ = nullptr;
  uint64_t generation_ = 0;
  int socket_position_ = -1;
  uint32_t socket_events_ = 0;
};

}  // namespace fraiseql::pg
