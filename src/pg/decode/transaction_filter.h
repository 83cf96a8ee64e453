// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <array>
#include <unordered_map>

#include "pg/base/compat.h"

extern "C" {
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// A table's file, as a key: those of other tablespaces may have the same number.
uint64_t FileKeyOf(const FileLocator& file);

// What was skipped of a transaction, from its beginning: changes of tables without observers.
struct SkippedChanges {
  static constexpr size_t kMostFiles = 4;  // of different tables

  uint64_t count = 0;
  uint32_t file_count = 0;
  std::array<uint64_t, kMostFiles> files{};
};

// What need not be decoded, because it is of tables without observers, so that a stream for which
// nothing happens costs little:
// - changes with which a transaction begins.  They are counted, since they have ordinals.  They
//   matter after all if an observer of their table was made before the commit: then the transaction
//   is decoded again (see WalReader).
// - transactions that have changed no other tables.  Their decoding ends at their commit record,
//   before Postgres sorts their changes and looks up their tables.
//
// A table is known by its file, once a change of it was decoded and had no observer.  An
// invalidation of any table may add an observer, so it makes all tables unknown.  A transaction
// that has changed an unknown table, or has done anything else that is decoded, is not skipped; nor
// is one that has begun while no table was known.
class TransactionFilter {
 public:
  // Called for each record before it is decoded.  False if it must not be.
  bool Note(XLogReaderState* record);

  // Whether Postgres shall leave out the change, or the transaction that the record commits.
  bool skips() const { return skips_; }

  // What was skipped of the transaction that the record commits.
  const SkippedChanges& skipped() const { return skipped_; }

  // A decoded change of the table had no observer.
  void Learn(::Relation relation);

  // The tables are unknown again.  May be called at any time.
  void Forget() { stale_ = true; }

  // The log is read once more, but no transaction is decoded that has committed before `lsn`.
  void Restart(XLogRecPtr lsn);

 private:
  // Of a transaction that is under way and has changed something.
  struct Noted {
    TransactionId xid = InvalidTransactionId;  // invalid: free
    bool observed = false;                     // it cannot be skipped
    bool counted = false;                      // no further change of it is skipped
    SkippedChanges skipped;
  };

  // Of which table a file is.
  struct Known {
    uint64_t table = 0;  // its main file; 0: of another database
    bool is_toast = false;
  };

  // A transaction has a fixed place, which it loses to a later one: then it is not skipped.
  static constexpr size_t kPlaces = 1024;  // a power of two

  void SetAside(Noted* place);
  void BecomeStale();
  Noted* PlaceOf(TransactionId xid);
  void CountNoMore(TransactionId xid);
  bool NoteChange(XLogReaderState* record, TransactionId xid);
  bool Skip(XLogReaderState* record, const Known& known, Noted* place);
  const Known* FindFile(XLogReaderState* record);
  void NoteEnd(XLogReaderState* record, TransactionId xid, bool commits);
  bool ForgetTransaction(TransactionId xid);
  bool EndsUnobserved(XLogReaderState* record, bool unobserved);

  std::unordered_map<uint64_t, Known> files_;
  uint64_t last_file_ = 0;  // the one of them that was asked for last, or 0
  Known last_known_;
  std::array<Noted, kPlaces> noted_;
  std::unordered_map<TransactionId, SkippedChanges> set_aside_;  // of those that lost their place
  TransactionId newest_ = InvalidTransactionId;                  // of all records
  TransactionId newest_untracked_ = InvalidTransactionId;  // these and older ones are not skipped
  XLogRecPtr resumes_at_ = InvalidXLogRecPtr;
  SkippedChanges skipped_;
  bool stale_ = false;
  bool skips_ = false;
};

}  // namespace fraiseql::pg
