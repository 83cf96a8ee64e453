// SPDX-License-Identifier: PostgreSQL
#pragma once

// Transactions that a worker runs for itself.  Include after postgres.h.

#include <string>

namespace fraiseql::pg {

// Begins a transaction with a snapshot, for SPI.  It may write despite
// default_transaction_read_only, does not wait for standbys at its commit, and searches pg_catalog
// only; the extension cannot be dropped until its end.  If it has been dropped, the process ends.
// May raise.  REQUIRES: the process has acquired no slot: see TryOwnTransaction().
void BeginOwnTransaction();
void CommitOwnTransaction();

// Calls `body(argument)` in such a transaction, also in a process that has acquired a slot.  False
// if it failed: it is rolled back, and `*error` says why.  REQUIRES: no transaction and no decoding
// callback is active.
bool TryOwnTransaction(void (*body)(void* argument), void* argument, std::string* error);

}  // namespace fraiseql::pg
