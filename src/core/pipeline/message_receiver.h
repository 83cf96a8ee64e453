// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>

#include "core/change/message.h"
#include "core/base/status.h"

namespace fraiseql {

// Takes the messages of a decoder, in log order: the worker's pipeline, or the rows of messages().
// Inside Postgres each function may leave by a longjmp instead of returning: who calls has nothing
// on the stack that needs a destructor.
class MessageReceiver {
 public:
  virtual ~MessageReceiver() = default;
  // What follows, up to EndTransaction(), is of this transaction.
  virtual void BeginTransaction(uint32_t xid) = 0;
  // An empty message to fill.  May wait for room, and until the transaction may be told of.
  virtual Message* Add() = 0;
  // The message that Add() gave out is complete.
  virtual void Seal() = 0;
  // Everything up to `end_lsn` has been handed over.
  virtual void EndTransaction(uint64_t end_lsn) = 0;
  // The message that Add() gave out cannot be published, for this reason.
  virtual void Reject(const Status& reason) = 0;
  // Something that is not about one message stands in the way of some of them.
  virtual void Report(const Status& trouble) = 0;
  // Called now and then within a transaction, which may be a large one.
  virtual void Yield() = 0;
};

}  // namespace fraiseql
