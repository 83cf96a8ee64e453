// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <signal.h>

namespace fraiseql::nats {

// Blocks all signals in the calling thread for its lifetime; a thread started meanwhile keeps them
// blocked.  nats.c needs this for two reasons: it treats a poll() interrupted by a signal as a
// broken connection, and its own threads must not run the process's signal handlers.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace fraiseql::nats
