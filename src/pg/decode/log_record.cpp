// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/heapam_xlog.h"
#include "access/rmgr.h"
#include "access/xact.h"
#include "access/xlog_internal.h"
}

#include "pg/decode/log_record.h"

namespace fraiseql::pg {

namespace {

int CountDeleted(const xl_heap_delete* record) {
#ifdef XLH_DELETE_NO_LOGICAL
  if ((record->flags & XLH_DELETE_NO_LOGICAL) != 0) return 0;
#endif
  return (record->flags & XLH_DELETE_IS_SUPER) != 0 ? -1 : 1;
}

int CountInserted(const xl_heap_insert* record) {
  if ((record->flags & XLH_INSERT_CONTAINS_NEW_TUPLE) == 0) return 0;
  return (record->flags & XLH_INSERT_IS_SPECULATIVE) != 0 ? -1 : 1;
}

int CountInserted(const xl_heap_multi_insert* record) {
  return (record->flags & XLH_INSERT_CONTAINS_NEW_TUPLE) != 0 ? record->ntuples : 0;
}

// Data of this type begins there.
template <typename Record>
const Record* DataOf(XLogReaderState* record) {
  return reinterpret_cast<const Record*>(XLogRecGetData(record));
}

}  // namespace

bool HasNothing(XLogReaderState* record) {
  const uint8 operation = XLogRecGetInfo(record) & XLOG_HEAP_OPMASK;
  switch (XLogRecGetRmid(record)) {
    case RM_HEAP_ID:
      return operation == XLOG_HEAP_LOCK;
    case RM_HEAP2_ID:
      return operation != XLOG_HEAP2_MULTI_INSERT && operation != XLOG_HEAP2_NEW_CID;
    case RM_LOGICALMSG_ID:
    case RM_XACT_ID:
      return false;
    default:
      return true;
  }
}

bool HasNoDecoder(XLogReaderState* record) {
  return GetRmgr(XLogRecGetRmid(record)).rm_decode == nullptr;
}

int CountChanges(XLogReaderState* record) {
  const uint8 operation = XLogRecGetInfo(record) & XLOG_HEAP_OPMASK;
  if (XLogRecGetRmid(record) == RM_HEAP2_ID) {
    if (operation != XLOG_HEAP2_MULTI_INSERT) return -1;
    return CountInserted(DataOf<xl_heap_multi_insert>(record));
  }
  switch (operation) {
    case XLOG_HEAP_INSERT:
      return CountInserted(DataOf<xl_heap_insert>(record));
    case XLOG_HEAP_UPDATE:
    case XLOG_HEAP_HOT_UPDATE:
      return 1;
    case XLOG_HEAP_DELETE:
      return CountDeleted(DataOf<xl_heap_delete>(record));
    default:
      return -1;
  }
}

TransactionEnd EndIn(XLogReaderState* record, TransactionId* xid) {
  *xid = XLogRecGetXid(record);
  if (XLogRecGetRmid(record) != RM_XACT_ID) return TransactionEnd::kNone;
  switch (XLogRecGetInfo(record) & XLOG_XACT_OPMASK) {
    case XLOG_XACT_COMMIT:
      return TransactionEnd::kCommit;
    case XLOG_XACT_ABORT:
      return TransactionEnd::kAbort;
    case XLOG_XACT_COMMIT_PREPARED: {
      xl_xact_parsed_commit commit;
      ParseCommitRecord(XLogRecGetInfo(record),
                        reinterpret_cast<xl_xact_commit*>(XLogRecGetData(record)), &commit);
      *xid = commit.twophase_xid;
      return TransactionEnd::kCommit;
    }
    case XLOG_XACT_ABORT_PREPARED: {
      xl_xact_parsed_abort abort;
      ParseAbortRecord(XLogRecGetInfo(record),
                       reinterpret_cast<xl_xact_abort*>(XLogRecGetData(record)), &abort);
      *xid = abort.twophase_xid;
      return TransactionEnd::kAbort;
    }
    default:
      return TransactionEnd::kNone;
  }
}

}  // namespace fraiseql::pg
