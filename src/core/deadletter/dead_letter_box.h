// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/change/message.h"
#include "core/base/status.h"

namespace fraiseql {

// Stores messages that can never be published: the interface between the pipeline and the dead
// letters of the database (src/pg), replaced by a fake in the unit tests.  Worker's main thread
// only; no function calls back or throws.
class DeadLetterBox {
 public:
  virtual ~DeadLetterBox() = default;

  // Takes a copy of the message, with the reason for which it is refused.  From then on the message
  // is settled.  Not ok: it cannot be stored now, for the reason returned, and must still be
  // published.  The same message may be stored again after a crash: readers of the dead letters see
  // it once.
  virtual Status Store(const Message& message, const Status& reason) = 0;
};

}  // namespace fraiseql
