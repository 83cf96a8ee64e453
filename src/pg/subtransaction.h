// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Calls `body(argument)` in a subtransaction of its own.  Null if it returns.  If it raises, all it
// held is given back, and the message with its SQLSTATE is returned, as UTF-8 in the memory context
// of the caller.  But what has to do with the state of the server and not with what `body` works
// on, such as a cancellation or want of memory, is raised again.
// REQUIRES: a transaction, or a decoding callback.
const char* TryInSubtransaction(void (*body)(void* argument), void* argument);

}  // namespace fraiseql::pg
