// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Waits until every transaction whose commit is in the log by now is also seen as committed, by the
// snapshots taken from then on.  In between is the flush of the log and the wait for a synchronous
// standby.  Does not wait for transactions that still run.  May raise.
void AwaitLoggedCommits();

}  // namespace fraiseql::pg
