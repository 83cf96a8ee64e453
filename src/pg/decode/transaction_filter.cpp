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

// Transactions whose end is not noted (prepared ones, subtransactions of an aborted one, those that
// a crash has ended) must not accumulate.
constexpr size_t kMostTransactions = 100000;

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
    transactions_.clear();
    stale_ = false;
  }
  if (files_.empty() || !TransactionIdIsNormal(xid)) return;
  if (IsTransactionRecord(record, XLOG_XACT_COMMIT)) {
    skips_ = EndsUnobserved(record);
  } else if (IsTransactionRecord(record, XLOG_XACT_ABORT)) {
    transactions_.erase(xid);
  } else if (!HasNothing(record)) {
    NoteChange(record, xid);
  }
}

void TransactionFilter::NoteChange(XLogReaderState* record, TransactionId xid) {
  if (TransactionIdPrecedesOrEquals(xid, newest_untracked_)) return;
  const RmgrId manager = XLogRecGetRmid(record);
  bool observed = true;
  FileLocator file;
  if ((manager == RM_HEAP_ID || manager == RM_HEAP2_ID) && XLogRecHasBlockRef(record, 0)) {
    XLogRecGetBlockTag(record, 0, &file, nullptr, nullptr);
    observed = DatabaseOf(file) == MyDatabaseId &&
               files_.count(FileKey(SpaceOf(file), NumberOf(file))) == 0;
  }
  bool& noted = transactions_[xid];
  noted = noted || observed;
  if (transactions_.size() < kMostTransactions) return;
  transactions_.clear();
  newest_untracked_ = newest_;
}

bool TransactionFilter::IsUnobserved(TransactionId xid) const {
  if (TransactionIdPrecedesOrEquals(xid, newest_untracked_)) return false;
  const auto found = transactions_.find(xid);
  return found == transactions_.end() || !found->second;
}

bool TransactionFilter::EndsUnobserved(XLogReaderState* record) {
  xl_xact_parsed_commit commit;
  ParseCommitRecord(XLogRecGetInfo(record),
                    reinterpret_cast<xl_xact_commit*>(XLogRecGetData(record)), &commit);
  const TransactionId xid = XLogRecGetXid(record);
  bool unobserved = commit.nmsgs == 0 && IsUnobserved(xid);
  transactions_.erase(xid);
  for (int i = 0; i < commit.nsubxacts; ++i) {
    unobserved = unobserved && IsUnobserved(commit.subxacts[i]);
    transactions_.erase(commit.subxacts[i]);
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
