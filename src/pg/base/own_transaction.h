// SPDX-License-Identifier: PostgreSQL
#pragma once

// Transactions of the worker's own.  Include after postgres.h.

#include <string>

namespace fraiseql::pg {

// Begins a transaction with a snapshot, for SPI.  It may write whatever
// default_transaction_read_only says, waits for no standby at its commit, and looks for names in
// pg_catalog only; the extension stays until its end.  If it has been dropped, the process ends.
// May raise.  REQUIRES: the slot is not acquired: who decodes must not read or
// write tables as others do.
void BeginOwnTransaction();
void CommitOwnTransaction();

// Calls `body(argument)` in such a transaction, of a process that may have acquired the slot. False
// if it failed: it is rolled back, and `*error` says why.  REQUIRES: no transaction and no decoding
// callback is active.
bool TryOwnTransaction(void (*body)(void* argument), void* argument, std::string* error);

}  // namespace fraiseql::pg
