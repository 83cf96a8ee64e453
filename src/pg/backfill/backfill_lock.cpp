// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/lsyscache.h"
}

#include "pg/backfill/backfill_lock.h"
#include "pg/backfill/backfill_progress.h"
#include "pg/base/own_objects.h"

namespace fraiseql::pg {

namespace {

struct {
  bool taken;
  LOCKTAG tag;
} backfill_lock;

void OnTransactionEnd(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT) ReleaseBackfillLock();
}

}  // namespace

void ReleaseBackfillLock() {
  if (!backfill_lock.taken) return;
  backfill_lock.taken = false;
  (void)LockRelease(&backfill_lock.tag, ExclusiveLock, true);
}

void AcquireBackfillLock(Oid relation) {
  static bool registered = false;
  if (!registered) {
    RegisterXactCallback(OnTransactionEnd, nullptr);
    registered = true;
  }
  if (backfill_lock.taken && backfill_lock.tag.locktag_field3 == relation) return;
  ReleaseBackfillLock();
  SET_LOCKTAG_OBJECT(backfill_lock.tag, MyDatabaseId, FindOwnTable(kProgressTableName), relation,
                     0);
  if (LockAcquire(&backfill_lock.tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL) {
    ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                    errmsg("another session backfills table \"%s\" now", get_rel_name(relation)),
                    errhint("See the view fraiseql_nats.backfill.")));
  }
  backfill_lock.taken = true;
}

}  // namespace fraiseql::pg
