// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>

namespace fraiseql::pg {

enum class Tolerance : uint8_t {
  kOwnFault,  // not of errors of the server's state, such as want of memory
  kAll,       // also of them, but of no cancellation
};

// Calls `body(argument)` in a subtransaction of its own.  Null if it returns.  If it raises, all it
// held is given back, and the message with its SQLSTATE is returned, as UTF-8 in the memory context
// of the caller; but what `tolerance` does not include is raised again.
// REQUIRES: a transaction, or a decoding callback.
const char* TryInSubtransaction(void (*body)(void* argument), void* argument, Tolerance tolerance);

}  // namespace fraiseql::pg
