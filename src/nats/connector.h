// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>

#include "core/status.h"
#include "nats/broker_settings.h"
#include "nats/connection.h"

namespace fraiseql::nats {

// Makes connections without making its caller wait: connecting (name lookup, TCP, TLS, login)
// blocks in nats.c, and so happens on a thread that lives for one attempt.  The thread takes no
// signals and touches nothing but the attempt; its end is announced by an eventfd.
class Connector {
 public:
  Connector();

  // Waits for an attempt that is under way.
  ~Connector();

  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Readable when an attempt is over.  -1: there was no file descriptor left.
  int wake_fd() const { return wake_fd_; }

  bool busy() const { return busy_; }

  // Closes `old` (may be null) and begins to connect.  REQUIRES: !busy().
  Status Start(const BrokerSettings& settings, std::unique_ptr<Connection> old);

  // To be called when wake_fd() is readable.  False if no attempt is over; else its result.
  bool Finish(Status* status, std::unique_ptr<Connection>* connection);

 private:
  static void* Run(void* self);

  int wake_fd_;
  bool busy_ = false;
  pthread_t thread_{};
  std::atomic<bool> over_{false};

  // The attempt: the thread's while busy_ and not over_.
  BrokerSettings settings_;
  std::unique_ptr<Connection> old_;
  std::unique_ptr<Connection> made_;
  Status status_;
};

}  // namespace fraiseql::nats
