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

// A process that decodes has the flag PROC_IN_LOGICAL_DECODING, by which all others leave its
// transactions out of account: out of their snapshots, so that they would take its rows for those
// of a transaction that has been rolled back (and mark them so for good), and out of what VACUUM
// must leave alone.  Decoding never writes, and what it reads the slot protects.  But who writes
// has to be seen.  The flag only ever spares others; without it nothing of the decoding changes.
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

// Instead of an error that ends the process.
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
  // Who decodes waits for nobody.
  const bool decodes = MyReplicationSlot != nullptr;
  if (!LockOwnSchema(!decodes)) {
    if (!decodes) proc_exit(0);  // the extension has been dropped, and with it goes this process
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
  // What is cached is of the past, and has to be of the present, and of the past again.
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
