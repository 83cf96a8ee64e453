// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"
#include "nats/connection/connection.h"

namespace fraiseql::nats {

// Connects without blocking its caller: connecting (name lookup, TCP, TLS, login) blocks in nats.c,
// and therefore runs on a thread that lives for one attempt.  The thread blocks the process's
// signals and accesses only the attempt; an eventfd announces its end.
class Connector {
 public:
  Connector();

  // Aborts an attempt that is under way; only a name lookup cannot be aborted.
  ~Connector();

  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Readable when an attempt has ended.  -1: no file descriptor was available.
  int wake_fd() const { return wake_fd_; }

  bool busy() const { return busy_; }

  // Closes `old` (may be null) and starts to connect.  REQUIRES: !busy().
  Status Start(const BrokerSettings& settings, std::unique_ptr<Connection> old);

  // Makes the attempt under way fail wherever it waits for the network, because the library has no
  // timeout for a TLS handshake.  To be repeated until the attempt has ended, because a call may
  // miss it.
  void Interrupt();

  // To be called when wake_fd() is readable.  False if no attempt has ended; else the attempt's
  // result.
  bool Finish(Status* status, std::unique_ptr<Connection>* connection);

 private:
  static void* Run(void* self);

  int wake_fd_;
  bool busy_ = false;
  bool interrupted_ = false;
  pthread_t thread_{};
  std::atomic<bool> over_{false};

  // The attempt belongs to the thread while busy_ and not over_.
  BrokerSettings settings_;
  std::unique_ptr<Connection> old_;
  std::unique_ptr<Connection> made_;
  Status status_;
};

}  // namespace fraiseql::nats
