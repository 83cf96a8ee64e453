// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"

extern "C" {
#include "access/transam.h"
}

#include "pg/shared/worker_status.h"

namespace fraiseql::pg {

// The observers that FraiseQL's files declare.  The worker keeps them in the table
// fraiseql_nats.declared_observer, and makes those of the tables that exist; the event trigger of
// CREATE TABLE makes the others, from that table alone.  Include after postgres.h.
class DeclaredObservers {
 public:
  // Does nothing but for the worker of the default stream.
  DeclaredObservers(const WorkerKey& worker, WorkerStatus* status)
      : worker_(worker), status_(status) {}

  // Brings both in line with the rules, in a transaction of its own.  What cannot be made is a
  // WARNING; if nothing can be, the observers stay as they are; log and status() say why.
  void Sync(const std::vector<ObserverRule>& rules);

  // To be called between two records of the log.  Who was creating a table just when Sync() was
  // called has not seen the rules, nor did Sync() see the table: when all of them have ended, it is
  // called again, once; and after a while if it failed, or met a lock that others hold.  Cheap.
  void SyncAgain(const std::vector<ObserverRule>& rules, int64_t now_ms);

 private:
  void TrySync(const std::vector<ObserverRule>& rules);

  const WorkerKey worker_;
  WorkerStatus* const status_;
  TransactionId await_before_ = InvalidTransactionId;  // transactions before it may matter
  bool failed_ = false;                                // or not all of it was done
  std::string logged_;                                 // the failure that was logged last
  int64_t next_look_ms_ = 0;
};

}  // namespace fraiseql::pg
