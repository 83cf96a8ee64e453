// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/change/message.h"
#include "core/base/status.h"

namespace fraiseql {

// Where messages go that can never be stored: the seam between the pipeline and the dead letters of
// the database (src/pg), replaced by a fake in the unit tests.  Worker's main thread only; nothing
// here calls back or throws.
class DeadLetterBox {
 public:
  virtual ~DeadLetterBox() = default;

  // Takes a copy of the message, with the reason for which it is refused.  From then on the message
  // counts as settled.  Not ok: it cannot be kept now, for this reason, and is still to be
  // published. The same message may come again, after a crash: whoever reads the dead letters sees
  // it once.
  virtual Status Store(const Message& message, const Status& reason) = 0;
};

}  // namespace fraiseql
