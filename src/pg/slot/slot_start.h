// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "replication/logical.h"
}

namespace fraiseql::pg {

// Finds where a slot that is being created can start, and records it in the slot that this process
// has acquired.  Waits for running transactions, interruptibly.  May raise.
//
// DecodingContextFindStartpoint() alone is not enough: until all transactions have ended that ran
// when the slot was created, snapbuild.c (PostgreSQL 15 to 19) overlooks transactions that begin
// and commit meanwhile.  Who decodes from there sees the catalogs without what these have changed,
// until the next change of the catalogs: an observer that is just made is missing, and changes are
// lost.  So the slot starts later, where the state of the catalogs is stored whole.
void FindSlotStart(LogicalDecodingContext* context);

}  // namespace fraiseql::pg
