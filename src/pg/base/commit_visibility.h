// SPDX-License-Identifier: PostgreSQL
#pragma once

// A commit has two steps: the record in the log, which logical decoding reads, and a moment later,
// or with synchronous replication once the standbys have the record, the end of the transaction for
// all other sessions.  Include after postgres.h.

namespace fraiseql::pg {

// Whether every new snapshot sees the transaction.  Takes no lock for old transactions.  REQUIRES:
// the log was read up to its commit.
bool IsVisibleToAll(TransactionId xid);

// Waits until new snapshots see every transaction whose commit record is already in the log.  Does
// not wait for running transactions.  May raise.
void AwaitLoggedCommits();

}  // namespace fraiseql::pg
