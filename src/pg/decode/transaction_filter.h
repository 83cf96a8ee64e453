// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <unordered_map>
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
  void NoteChange(XLogReaderState* record, TransactionId xid);
  bool EndsUnobserved(XLogReaderState* record);
  bool IsUnobserved(TransactionId xid) const;

  std::unordered_set<uint64_t> files_;                     // of the known tables
  std::unordered_map<TransactionId, bool> transactions_;   // true: it cannot be skipped
  TransactionId newest_ = InvalidTransactionId;            // of all records
  TransactionId newest_untracked_ = InvalidTransactionId;  // these and older ones are not skipped
  bool stale_ = false;
  bool skips_ = false;
};

}  // namespace fraiseql::pg
