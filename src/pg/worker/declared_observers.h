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

// The streams and observers that FraiseQL's files declare.  The worker keeps them in the table
// fraiseql_nats.declared_observer, and creates those of existing tables; the event trigger of
// CREATE TABLE creates the others, from that table alone.  Include after postgres.h.
class DeclaredObservers {
 public:
  // Its functions do nothing except for the worker of the default stream.
  DeclaredObservers(const WorkerKey& worker, WorkerStatus* status)
      : worker_(worker), status_(status) {}

  // Brings tables, streams and observers in line with the files, in a transaction of its own.
  // Reports an observer that cannot be created as a WARNING.  If the transaction fails, the
  // observers stay as they are; log and status() say why.
  void Sync(const Config& config);

  // Called between two records of the log.  A transaction that was creating a table during Sync()
  // has not seen the rules, and Sync() has not seen its table: when all such transactions have
  // ended, this calls Sync() once more.  It also retries after a failure, or after a lock conflict.
  // Cheap.
  void SyncAgain(const Config& config, int64_t now_ms);

 private:
  void TrySync(const Config& config);

  const WorkerKey worker_;
  WorkerStatus* const status_;
  TransactionId await_before_ = InvalidTransactionId;  // older transactions may not see the rules
  bool failed_ = false;                                // or incomplete
  std::string logged_;                                 // the failure that was logged last
  int64_t next_look_ms_ = 0;
};

}  // namespace fraiseql::pg
