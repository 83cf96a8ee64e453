// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"
#include "nats/connection/connection.h"

namespace fraiseql::nats {

// Makes connections without making its caller wait: connecting (name lookup, TCP, TLS, login)
// blocks in nats.c, and so happens on a thread that lives for one attempt.  The thread takes none
// of the process's signals and touches nothing but the attempt; its end is announced by an eventfd.
class Connector {
 public:
  Connector();

  // Cuts short an attempt that is under way; only a name lookup takes the time it takes.
  ~Connector();

  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Readable when an attempt is over.  -1: there was no file descriptor left.
  int wake_fd() const { return wake_fd_; }

  bool busy() const { return busy_; }

  // Closes `old` (may be null) and begins to connect.  REQUIRES: !busy().
  Status Start(const BrokerSettings& settings, std::unique_ptr<Connection> old);

  // Makes the attempt under way fail, wherever it waits for the network: the library has no time
  // limit for a TLS handshake.  To be repeated until the attempt is over, as it may have missed it.
  void Interrupt();

  // To be called when wake_fd() is readable.  False if no attempt is over; else its result.
  bool Finish(Status* status, std::unique_ptr<Connection>* connection);

 private:
  static void* Run(void* self);

  int wake_fd_;
  bool busy_ = false;
  bool interrupted_ = false;
  pthread_t thread_{};
  std::atomic<bool> over_{false};

  // The attempt: the thread's while busy_ and not over_.
  BrokerSettings settings_;
  std::unique_ptr<Connection> old_;
  std::unique_ptr<Connection> made_;
  Status status_;
};

}  // namespace fraiseql::nats
