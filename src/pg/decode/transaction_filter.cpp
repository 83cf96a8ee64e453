// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/heapam_xlog.h"
#include "access/rmgr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/rel.h"
}

#include "pg/decode/transaction_filter.h"

namespace fraiseql::pg {

namespace {

// Tables of other tablespaces may have the same number.
uint64_t FileKey(Oid space, uint64_t number) { return static_cast<uint64_t>(space) << 32 | number; }

bool IsTransactionRecord(XLogReaderState* record, uint8 kind) {
  return XLogRecGetRmid(record) == RM_XACT_ID &&
         (XLogRecGetInfo(record) & XLOG_XACT_OPMASK) == kind;
}

// Records of these kinds have nothing that is decoded.
bool HasNothing(XLogReaderState* record) {
  switch (XLogRecGetRmid(record)) {
    case RM_HEAP_ID:
      return (XLogRecGetInfo(record) & XLOG_HEAP_OPMASK) == XLOG_HEAP_LOCK;
    case RM_HEAP2_ID:
    case RM_LOGICALMSG_ID:
    case RM_XACT_ID:
      return false;
    default:
      return true;
  }
}

}  // namespace

void TransactionFilter::Note(XLogReaderState* record) {
  skips_ = false;
  const TransactionId xid = XLogRecGetXid(record);
  if (TransactionIdIsNormal(xid) &&
      (!TransactionIdIsNormal(newest_) || TransactionIdFollows(xid, newest_))) {
    newest_ = xid;
  }
  if (stale_) {
    files_.clear();
    last_file_ = 0;
    noted_.fill({});
    stale_ = false;
  }
  if (files_.empty() || !TransactionIdIsNormal(xid)) return;
  if (IsTransactionRecord(record, XLOG_XACT_COMMIT)) {
    skips_ = EndsUnobserved(record);
  } else if (IsTransactionRecord(record, XLOG_XACT_ABORT)) {
    ForgetTransaction(xid);
  } else if (!HasNothing(record)) {
    NoteChange(record, xid);
  }
}

void TransactionFilter::NoteChange(XLogReaderState* record, TransactionId xid) {
  if (TransactionIdPrecedesOrEquals(xid, newest_untracked_)) return;
  const bool observed = !HasFile(record);
  Noted& place = PlaceOf(xid);
  if (place.xid == xid) {
    place.observed = place.observed || observed;
    return;
  }
  if (TransactionIdIsNormal(place.xid) && TransactionIdFollows(place.xid, newest_untracked_)) {
    newest_untracked_ = place.xid;
    if (TransactionIdPrecedes(xid, newest_untracked_)) return;
  }
  place = {xid, observed};
}

// Whether it is a change of a known table.
bool TransactionFilter::HasFile(XLogReaderState* record) {
  const RmgrId manager = XLogRecGetRmid(record);
  if (manager != RM_HEAP_ID && manager != RM_HEAP2_ID) return false;
  if (!XLogRecHasBlockRef(record, 0)) return false;
  FileLocator file;
  XLogRecGetBlockTag(record, 0, &file, nullptr, nullptr);
  if (DatabaseOf(file) != MyDatabaseId) return true;  // nor is one of another database
  const uint64_t key = FileKey(SpaceOf(file), NumberOf(file));
  if (key == last_file_) return true;
  if (files_.count(key) == 0) return false;
  last_file_ = key;
  return true;
}

bool TransactionFilter::IsUnobserved(TransactionId xid) {
  if (TransactionIdPrecedesOrEquals(xid, newest_untracked_)) return false;
  const Noted& place = PlaceOf(xid);
  return place.xid != xid || !place.observed;
}

void TransactionFilter::ForgetTransaction(TransactionId xid) {
  Noted& place = PlaceOf(xid);
  if (place.xid == xid) place = {};
}

bool TransactionFilter::EndsUnobserved(XLogReaderState* record) {
  const TransactionId xid = XLogRecGetXid(record);
  bool unobserved = IsUnobserved(xid);
  ForgetTransaction(xid);
  if ((XLogRecGetInfo(record) & XLOG_XACT_HAS_INFO) == 0) return unobserved;
  xl_xact_parsed_commit commit;
  ParseCommitRecord(XLogRecGetInfo(record),
                    reinterpret_cast<xl_xact_commit*>(XLogRecGetData(record)), &commit);
  unobserved = unobserved && commit.nmsgs == 0;
  for (int i = 0; i < commit.nsubxacts; ++i) {
    unobserved = unobserved && IsUnobserved(commit.subxacts[i]);
    ForgetTransaction(commit.subxacts[i]);
  }
  return unobserved;
}

void TransactionFilter::Learn(::Relation relation) {
  if (stale_) return;
  const FileLocator file = FileOf(relation);
  if (files_.empty()) newest_untracked_ = newest_;
  files_.insert(FileKey(SpaceOf(file), NumberOf(file)));
}

}  // namespace fraiseql::pg
