// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "replication/slot.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
}

#include "pg/base/guard.h"
#include "pg/base/own_objects.h"
#include "pg/base/own_transaction.h"

namespace fraiseql::pg {

namespace {

void SetLocal(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
                          false);
}

// A process that decodes has the flag PROC_IN_LOGICAL_DECODING, which excludes its transactions
// from other processes' snapshots, so that they would treat its rows as those of an aborted
// transaction (and set hint bits accordingly), and from the horizon of VACUUM.  That is right for
// decoding, which never writes, and reads what the slot protects.  A transaction that writes must
// be visible.  Decoding works the same without the flag.
void SetDecodingFlag(bool on) {
  LWLockAcquire(ProcArrayLock, LW_EXCLUSIVE);
  if (on) {
    MyProc->statusFlags |= PROC_IN_LOGICAL_DECODING;
  } else {
    MyProc->statusFlags &= ~PROC_IN_LOGICAL_DECODING;
  }
  ProcGlobal->statusFlags[MyProc->pgxactoff] = MyProc->statusFlags;
  LWLockRelease(ProcArrayLock);
}

// Rolls back after an error, which would otherwise end the process.
void Abort(MemoryContext context, std::string* error) {
  HOLD_INTERRUPTS();
  MemoryContextSwitchTo(context);
  ErrorData* data = CopyErrorData();
  error->assign(data->message != nullptr ? data->message : "unknown error");
  FreeErrorData(data);
  AbortCurrentTransaction();
  FlushErrorState();
  RESUME_INTERRUPTS();
}

}  // namespace

void BeginOwnTransaction() {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  XactReadOnly = false;
  XactIsoLevel = XACT_READ_COMMITTED;
  SetLocal("synchronous_commit", "local");
  SetLocal("search_path", "pg_catalog, pg_temp");
  // A process that decodes must not wait for a lock.
  const bool decodes = MyReplicationSlot != nullptr;
  if (!LockOwnSchema(!decodes)) {
    if (!decodes) proc_exit(0);  // the extension has been dropped, so the worker ends
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("the extension is being changed")));
  }
  SPI_connect();
  PushActiveSnapshot(GetTransactionSnapshot());
}

void CommitOwnTransaction() {
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

bool TryOwnTransaction(void (*body)(void* argument), void* argument, std::string* error) {
  const MemoryContext context = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  const bool decodes = MyReplicationSlot != nullptr;
  volatile bool done = false;
  // The caches show the catalogs of the past, which the decoding needs; this transaction needs the
  // present.
  if (decodes) SetDecodingFlag(false);
  if (decodes) InvalidateSystemCaches();
  PG_TRY();
  {
    BeginOwnTransaction();
    Guard([=] { body(argument); });
    CommitOwnTransaction();
    done = true;
  }
  PG_CATCH();
  { Abort(context, error); }
  PG_END_TRY();
  (void)pgstat_report_stat(true);
  if (decodes) InvalidateSystemCaches();
  if (decodes) SetDecodingFlag(true);
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
  return done;
}

}  // namespace fraiseql::pg
