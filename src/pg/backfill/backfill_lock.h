// SPDX-License-Identifier: PostgreSQL
#pragma once

// Lets only one session at a time backfill a table: a session lock, since a backfill runs many
// transactions.  The view fraiseql_nats.backfill shows it.  Include after postgres.h.

namespace fraiseql::pg {

// Raises if another session holds it.  An error releases it, because it ends the procedure.
void AcquireBackfillLock(Oid relation);
void ReleaseBackfillLock();

}  // namespace fraiseql::pg
