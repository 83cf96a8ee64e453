// SPDX-License-Identifier: PostgreSQL
#pragma once

// The age of the log that is not published yet.  Include after postgres.h.

extern "C" {
#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
}

namespace fraiseql::pg {

// The time of the first commit of a transaction of the database in the log between `from`
// and `upto`; 0: there is none.  Reads at most 16 MB of the log.  If it finds none there, returns a
// time that can only be earlier: that of the last commit of any database in it, or of the server's
// start.  REQUIRES: the log exists from `from` on.  May raise.
TimestampTz FirstCommitFrom(Oid database, XLogRecPtr from, XLogRecPtr upto);

}  // namespace fraiseql::pg
