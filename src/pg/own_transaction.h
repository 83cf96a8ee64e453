// SPDX-License-Identifier: PostgreSQL
#pragma once

// Transactions of the worker's own, before it decodes: who decodes must not read or write tables as
// others do.  Include after postgres.h.

namespace fraiseql::pg {

// Begins a transaction with a snapshot, for SPI.  It may write whatever
// default_transaction_read_only says, waits for no standby at its commit, and looks for names in
// pg_catalog only.  May raise.
void BeginOwnTransaction();
void CommitOwnTransaction();

}  // namespace fraiseql::pg
