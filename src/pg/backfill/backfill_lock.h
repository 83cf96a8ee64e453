// SPDX-License-Identifier: PostgreSQL
#pragma once

// What makes a session the one that backfills a table: a lock of the session, since transactions
// come and go meanwhile.  The view fraiseql_nats.backfill looks for it.  Include after postgres.h.

namespace fraiseql::pg {

// Raises if another session has it.  An error gives it back, as it ends the procedure.
void AcquireBackfillLock(Oid relation);
void ReleaseBackfillLock();

}  // namespace fraiseql::pg
