// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Whether every new snapshot sees the transaction, of which the commit record is in the log: a
// moment after that is flushed, or, with synchronous replication, when its standbys have it.  Takes
// no lock for what is long since seen.  REQUIRES: the log was read up to its commit.
bool IsVisibleToAll(TransactionId xid);

}  // namespace fraiseql::pg
