// SPDX-License-Identifier: PostgreSQL
#pragma once

// How old the log is that is not published yet.  Include after postgres.h.

extern "C" {
#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
}

namespace fraiseql::pg {

// When the first transaction committed that changed the present database, of those whose commit is
// in the log from `from` on; 0: there is none up to `upto`.  Reads the log, at most 16 MB of it: if
// that does not tell, the time of the last commit in it, in whatever database, or of the server's
// start, which can only be earlier.  REQUIRES: the log is there from `from` on.  May raise.
TimestampTz FirstCommitFrom(XLogRecPtr from, XLogRecPtr upto);

}  // namespace fraiseql::pg
