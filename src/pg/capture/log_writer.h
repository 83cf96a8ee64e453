// SPDX-License-Identifier: PostgreSQL
#pragma once

// Writes our logical messages into the log, as part of the current transaction.  Include after
// postgres.h.

#include "core/format/logged_message.h"

extern "C" {
#include "access/xlogdefs.h"
}

namespace fraiseql::pg {

// Returns the end of the record.  The views of `message` must refer to memory contexts (palloc),
// not to C++ objects: this may raise, for example if the extension is not installed.
XLogRecPtr WriteToLog(const LoggedMessage& message);

// The same, but InvalidXLogRecPtr instead of an error if the database does not have the extension.
XLogRecPtr WriteToLogIfInstalled(const LoggedMessage& message);

// Raises unless the log contains what logical decoding needs; `action` is what cannot be done.
void RequireLogicalLog(const char* action);

}  // namespace fraiseql::pg
