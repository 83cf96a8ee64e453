// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>

namespace fraiseql::pg {

enum class Tolerance : uint8_t {
  kOwnFault,  // all except errors of the server's state, such as lack of memory
  kAll,       // those as well, except cancellations
};

// Calls `body(argument)` in a subtransaction of its own.  Returns null if `body` returns.  If it
// raises, the subtransaction is rolled back, and the error is returned, in the caller's memory
// context; errors that `tolerance` does not include are re-thrown.  REQUIRES: a transaction, or a
// decoding callback.
const ErrorData* CatchInSubtransaction(void (*body)(void* argument), void* argument,
                                       Tolerance tolerance);

// The same; returns the message with its SQLSTATE, as UTF-8.
const char* TryInSubtransaction(void (*body)(void* argument), void* argument, Tolerance tolerance);

}  // namespace fraiseql::pg
