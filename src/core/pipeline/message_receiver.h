// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>

#include "core/change/message.h"
#include "core/base/status.h"

namespace fraiseql {

// Takes the messages of a decoder, in log order: the worker's pipeline, or the rows of messages().
// Inside Postgres each function may leave by a longjmp instead of returning: the caller has no
// object on the stack that needs a destructor.
class MessageReceiver {
 public:
  virtual ~MessageReceiver() = default;
  // The messages up to EndTransaction() belong to this transaction.
  virtual void BeginTransaction(uint32_t xid) = 0;
  // Returns an empty message to fill.  May wait for room, and until the transaction may be
  // published.
  virtual Message* Add() = 0;
  // The message that Add() returned is complete.
  virtual void Seal() = 0;
  // Everything up to `end_lsn` has been handed over.
  virtual void EndTransaction(uint64_t end_lsn) = 0;
  // The message that Add() returned cannot be published, for this reason.
  virtual void Reject(const Status& reason) = 0;
  // Reports a problem that affects several messages, not one in particular.
  virtual void Report(const Status& trouble) = 0;
  // Called at intervals within a transaction, which may be a large one.
  virtual void Yield() = 0;
};

}  // namespace fraiseql
