// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/transam.h"
#include "storage/procarray.h"
}

#include "pg/base/commit_visibility.h"

namespace fraiseql::pg {

bool IsVisibleToAll(TransactionId xid) {
  // All before this one have ended.  It also keeps TransactionIdIsInProgress() from looking for one
  // of which pg_subtrans has been truncated.
  static TransactionId oldest_running = InvalidTransactionId;
  if (TransactionIdIsNormal(oldest_running) && TransactionIdPrecedes(xid, oldest_running)) {
    return true;
  }
  oldest_running = GetOldestActiveTransactionId();
  return TransactionIdPrecedes(xid, oldest_running) || !TransactionIdIsInProgress(xid);
}

}  // namespace fraiseql::pg
