// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "access/xlogreader.h"
#include "miscadmin.h"
#include "replication/decode.h"
#include "replication/slot.h"
#include "storage/lmgr.h"
#include "storage/spin.h"
#include "storage/standby.h"
#include "storage/standbydefs.h"
}

#include "pg/slot/slot_start.h"

namespace fraiseql::pg {

namespace {

// A record of the log that lists the transactions which run.
struct Running {
  XLogRecPtr begin;
  XLogRecPtr end;
  TransactionId oldest;
  TransactionId next;  // of the transactions that will begin
};

void DecodeNext(LogicalDecodingContext* context) {
  CHECK_FOR_INTERRUPTS();
  char* error = nullptr;
  const XLogRecord* record = XLogReadRecord(context->reader, &error);
  if (record == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("could not find the starting point of a replication slot: %s",
                           error != nullptr ? error : "no record of the log")));
  }
  LogicalDecodingProcessRecord(context, context->reader);
}

// At such a record Postgres stores the state of the catalogs (SnapBuildSerialize()).
Running DecodeToRunning(LogicalDecodingContext* context) {
  XLogFlush(LogStandbySnapshot());
  const XLogReaderState* reader = context->reader;
  for (;;) {
    DecodeNext(context);
    if (XLogRecGetRmid(reader) != RM_STANDBY_ID ||
        (XLogRecGetInfo(reader) & ~XLR_INFO_MASK) != XLOG_RUNNING_XACTS) {
      continue;
    }
    const auto* list = reinterpret_cast<const xl_running_xacts*>(XLogRecGetData(reader));
    return {reader->ReadRecPtr, reader->EndRecPtr, list->oldestRunningXid, list->nextXid};
  }
}

}  // namespace

void FindSlotStart(LogicalDecodingContext* context) {
  DecodingContextFindStartpoint(context);
  if (RecoveryInProgress()) return;  // the list is the primary's to log
  context->fast_forward = true;      // no change is to be passed on
  const Running start = DecodeToRunning(context);
  // What ran at `start` is not decoded from its beginning on, so it must commit before `confirmed`.
  Running now = start;
  while (TransactionIdPrecedes(now.oldest, start.next)) {
    XactLockTableWait(now.oldest, nullptr, nullptr, XLTW_None);
    now = DecodeToRunning(context);
  }
  ReplicationSlot* slot = MyReplicationSlot;
  SpinLockAcquire(&slot->mutex);
  slot->data.restart_lsn = start.begin;
  slot->data.confirmed_flush = now.end;
  SpinLockRelease(&slot->mutex);
  ReplicationSlotMarkDirty();
  ReplicationSlotsComputeRequiredLSN();
}

}  // namespace fraiseql::pg
