// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <array>
#include <unordered_set>

#include "pg/base/compat.h"

extern "C" {
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// Which transactions have changed only tables without observers: their decoding ends at their
// commit record, before Postgres sorts their changes and looks up their tables.  So a stream for
// which nothing happens costs little.
//
// A table is known by its file, once a change of it was decoded and had no observer.  An
// invalidation of any table may add an observer, so it makes all tables unknown.  A transaction
// that has changed an unknown table, or has done anything else that is decoded, is not skipped; nor
// is one that has begun while no table was known.
class TransactionFilter {
 public:
  // Called for each record before it is decoded.
  void Note(XLogReaderState* record);

  // Whether the record is the commit of a transaction that can be skipped.
  bool skips() const { return skips_; }

  // A decoded change of the table had no observer.
  void Learn(::Relation relation);

  // The tables are unknown again.  May be called at any time.
  void Forget() { stale_ = true; }

 private:
  // Of a transaction that is under way and has changed something.
  struct Noted {
    TransactionId xid = InvalidTransactionId;  // invalid: free
    bool observed = false;                     // it cannot be skipped
  };

  // A transaction has a fixed place, which it loses to a later one: then it is not skipped.
  static constexpr size_t kPlaces = 1024;  // a power of two

  void NoteChange(XLogReaderState* record, TransactionId xid);
  bool HasFile(XLogReaderState* record);
  Noted& PlaceOf(TransactionId xid) { return noted_[xid & (kPlaces - 1)]; }
  void ForgetTransaction(TransactionId xid);
  bool EndsUnobserved(XLogReaderState* record);
  bool IsUnobserved(TransactionId xid);

  std::unordered_set<uint64_t> files_;  // of the known tables
  uint64_t last_file_ = 0;              // the one of them that was asked for last, or 0
  std::array<Noted, kPlaces> noted_;
  TransactionId newest_ = InvalidTransactionId;            // of all records
  TransactionId newest_untracked_ = InvalidTransactionId;  // these and older ones are not skipped
  bool stale_ = false;
  bool skips_ = false;
};

}  // namespace fraiseql::pg
