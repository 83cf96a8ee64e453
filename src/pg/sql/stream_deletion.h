// SPDX-License-Identifier: PostgreSQL
#pragma once

// Deletion of dropped streams at the broker, at the end of the transaction that drops them.
// Include after postgres.h.

#include <vector>

#include "pg/settings/stream_rows.h"

namespace fraiseql::pg {

// Called before the commit: `rows` are those it leaves.  Ends the workers of the streams that are
// to be deleted, and deletes the streams at the broker, for which it waits, interruptibly.  Raises
// if that fails: the transaction then aborts, and the workers are started again.
void DeleteDroppedStreams(const std::vector<StreamRow>& rows);

// Called at the end of the transaction.
void ForgetStreamDeletions();

}  // namespace fraiseql::pg
