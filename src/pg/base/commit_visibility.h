// SPDX-License-Identifier: PostgreSQL
#pragma once

// A commit has two steps: the record in the log, which is what counts for logical decoding, and a
// moment later, or with synchronous replication when its standbys have it, the end of the
// transaction for all others.  Include after postgres.h.

namespace fraiseql::pg {

// Whether every new snapshot sees the transaction.  Takes no lock for what is long since seen.
// REQUIRES: the log was read up to its commit.
bool IsVisibleToAll(TransactionId xid);

// Waits until new snapshots see every transaction whose commit is in the log by now.  Does not wait
// for transactions that still run.  May raise.
void AwaitLoggedCommits();

}  // namespace fraiseql::pg
