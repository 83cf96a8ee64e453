// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <vector>

// Of nats.c.
struct __natsMsg;

namespace fraiseql::nats {

// Messages that are to be destroyed.  nats.c hands each to a thread of its own, and wakes it: one
// at a time, that takes more time than all the rest of a message.  So they go many at a time.
class MessageBin {
 public:
  MessageBin() = default;
  ~MessageBin() { Empty(); }
  MessageBin(const MessageBin&) = delete;
  MessageBin& operator=(const MessageBin&) = delete;

  // Takes ownership; null is nothing.
  void Put(__natsMsg* message);
  void Empty();

 private:
  std::vector<__natsMsg*> messages_;
  size_t bytes_ = 0;  // of their payloads
};

}  // namespace fraiseql::nats
