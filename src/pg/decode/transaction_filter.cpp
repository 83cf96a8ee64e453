// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/rmgr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/rel.h"
}

#include "pg/decode/log_record.h"
#include "pg/decode/transaction_filter.h"

namespace fraiseql::pg {

namespace {

bool Add(uint64_t file, SkippedChanges* skipped) {
  const auto end = skipped->files.begin() + skipped->file_count;
  if (std::find(skipped->files.begin(), end, file) != end) return true;
  if (skipped->file_count == SkippedChanges::kMostFiles) return false;
  skipped->files[skipped->file_count++] = file;
  return true;
}

}  // namespace

uint64_t FileKeyOf(const FileLocator& file) {
  return static_cast<uint64_t>(SpaceOf(file)) << 32 | NumberOf(file);
}

bool TransactionFilter::Note(XLogReaderState* record) {
  skips_ = false;
  const TransactionId own = XLogRecGetXid(record);
  if (TransactionIdIsNormal(own) &&
      (!TransactionIdIsNormal(newest_) || TransactionIdFollows(own, newest_))) {
    newest_ = own;
  }
  if (stale_) BecomeStale();
  TransactionId xid;
  if (const TransactionEnd end = EndIn(record, &xid); end != TransactionEnd::kNone) {
    NoteEnd(record, xid, end == TransactionEnd::kCommit);
    return true;
  }
  if (files_.empty() || !TransactionIdIsNormal(xid)) return true;
  const TransactionId top = XLogRecGetTopXid(record);
  if (TransactionIdIsNormal(top)) {
    CountNoMore(xid);
    CountNoMore(top);
  }
  if (!HasNothing(record)) return NoteChange(record, xid);
  const Noted& place = noted_[xid & (kPlaces - 1)];
  const bool is_known_to_postgres = place.xid == xid && place.skipped.file_count > 0;
  return !(is_known_to_postgres && !place.counted && HasNoDecoder(record));
}

// The transaction of the place will not be skipped.
void TransactionFilter::SetAside(Noted* place) {
  if (place->skipped.file_count > 0) set_aside_.emplace(place->xid, place->skipped);
  *place = {};
}

void TransactionFilter::BecomeStale() {
  files_.clear();
  last_file_ = 0;
  for (Noted& place : noted_) SetAside(&place);
  stale_ = false;
}

// Null if the transaction is not skipped, because it is not known what it has done.
TransactionFilter::Noted* TransactionFilter::PlaceOf(TransactionId xid) {
  if (TransactionIdPrecedesOrEquals(xid, newest_untracked_)) return nullptr;
  Noted* place = &noted_[xid & (kPlaces - 1)];
  if (place->xid == xid) return place;
  if (TransactionIdIsNormal(place->xid)) {
    const TransactionId other = place->xid;
    SetAside(place);
    if (TransactionIdFollows(other, newest_untracked_)) newest_untracked_ = other;
    if (TransactionIdPrecedes(xid, newest_untracked_)) return nullptr;
  }
  place->xid = xid;
  return place;
}

// The ordinals of a subtransaction's changes depend on its end.
void TransactionFilter::CountNoMore(TransactionId xid) {
  if (Noted* place = PlaceOf(xid)) place->counted = true;
}

// False if the record must not be decoded.
bool TransactionFilter::NoteChange(XLogReaderState* record, TransactionId xid) {
  Noted* place = PlaceOf(xid);
  if (place == nullptr) return true;
  const Known* known = FindFile(record);
  const bool first = place->skipped.file_count == 0;
  if (known == nullptr) {
    place->observed = place->counted = true;
  } else if (!place->counted) {
    skips_ = Skip(record, *known, place);
    place->counted = !skips_;
  }
  // Of the first one Postgres learns that the transaction is there, and takes its snapshot.
  return first || !skips_;
}

bool TransactionFilter::Skip(XLogReaderState* record, const Known& known, Noted* place) {
  const int count = CountChanges(record);
  if (count < 0) return false;
  if (known.table == 0) return true;
  if (!Add(known.table, &place->skipped)) return false;
  if (!known.is_toast) place->skipped.count += static_cast<uint64_t>(count);
  return true;
}

// What is known of the table that the record changes, or null.
const TransactionFilter::Known* TransactionFilter::FindFile(XLogReaderState* record) {
  static constexpr Known kElsewhere;
  const RmgrId manager = XLogRecGetRmid(record);
  if (manager != RM_HEAP_ID && manager != RM_HEAP2_ID) return nullptr;
  if (!XLogRecHasBlockRef(record, 0)) return nullptr;
  FileLocator file;
  XLogRecGetBlockTag(record, 0, &file, nullptr, nullptr);
  if (DatabaseOf(file) != MyDatabaseId) return &kElsewhere;
  const uint64_t key = FileKeyOf(file);
  if (key == last_file_) return &last_known_;
  const auto found = files_.find(key);
  if (found == files_.end()) return nullptr;
  last_file_ = key;
  last_known_ = found->second;
  return &last_known_;
}

void TransactionFilter::NoteEnd(XLogReaderState* record, TransactionId xid, bool commits) {
  skipped_ = {};
  bool unobserved = ForgetTransaction(xid);
  if (const auto found = set_aside_.find(xid); found != set_aside_.end()) {
    skipped_ = found->second;
    set_aside_.erase(found);
  }
  skips_ = record->ReadRecPtr < resumes_at_;
  if (commits && !skips_ && !files_.empty()) skips_ = EndsUnobserved(record, unobserved);
}

// Whether it was noted whole and has changed no table that may be observed.  What was skipped of it
// is then in skipped_.
bool TransactionFilter::ForgetTransaction(TransactionId xid) {
  Noted& place = noted_[xid & (kPlaces - 1)];
  bool unobserved = !TransactionIdPrecedesOrEquals(xid, newest_untracked_);
  if (place.xid == xid) {
    unobserved = unobserved && !place.observed;
    if (place.skipped.file_count > 0) skipped_ = place.skipped;
    place = {};
  }
  return unobserved;
}

// `unobserved`: the transaction without its subtransactions.
bool TransactionFilter::EndsUnobserved(XLogReaderState* record, bool unobserved) {
  if ((XLogRecGetInfo(record) & XLOG_XACT_HAS_INFO) == 0) return unobserved;
  xl_xact_parsed_commit commit;
  ParseCommitRecord(XLogRecGetInfo(record),
                    reinterpret_cast<xl_xact_commit*>(XLogRecGetData(record)), &commit);
  unobserved = unobserved && commit.nmsgs == 0;
  for (int i = 0; i < commit.nsubxacts; ++i) {
    const bool of_child = ForgetTransaction(commit.subxacts[i]);
    unobserved = unobserved && of_child;
  }
  return unobserved;
}

void TransactionFilter::Learn(::Relation relation) {
  if (stale_) return;
  if (files_.empty()) newest_untracked_ = newest_;
  const uint64_t table = FileKeyOf(FileOf(relation));
  if (!files_.insert({table, {table, false}}).second) return;
  if (!OidIsValid(relation->rd_rel->reltoastrelid)) return;
  ::Relation toast = RelationIdGetRelation(relation->rd_rel->reltoastrelid);
  if (!RelationIsValid(toast)) return;
  files_.insert({FileKeyOf(FileOf(toast)), {table, true}});
  RelationClose(toast);
}

void TransactionFilter::Restart(XLogRecPtr lsn) {
  files_.clear();
  last_file_ = 0;
  noted_.fill({});
  set_aside_.clear();
  resumes_at_ = std::max(resumes_at_, lsn);
}

}  // namespace fraiseql::pg
