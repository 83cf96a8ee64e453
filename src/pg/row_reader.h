// SPDX-License-Identifier: PostgreSQL
#pragma once

// From tuples to rows of JSON, also where a value has none.  Include after postgres.h.

#include <cstdint>
#include <string>
#include <vector>

#include "core/change.h"
#include "pg/relation_cache.h"

namespace fraiseql::pg {

// Encodes the rows of changes.  A type's output function, or the conversion to UTF-8, may raise for
// a value, which is then to be told of and not to be met again and again.
//
// But what an error leaves behind only a subtransaction clears away, and that is too dear for every
// row.  So there are two ways to read.  The quick one lets the error pass: it ends the process,
// which DiedReading() tells.  The careful one, for whoever comes after that, reads each row in a
// subtransaction, and goes on after an error.
//
// Main thread only.  Lives in a memory context (see NewInContext) or as long as the process.
class RowReader {
 public:
  // A value of the present change that could not be encoded.
  struct Failure {
    size_t column;
    std::string reason;  // UTF-8
  };

  // How many rows are read carefully before it may be the quick way.
  static constexpr int64_t kQuick = 0;
  static constexpr int64_t kCareful = 1000000;
  static constexpr int64_t kAlwaysCareful = INT64_MAX;

  explicit RowReader(int64_t careful_rows) : careful_rows_(careful_rows) {}

  // The failures from here on are those of another change.
  void BeginChange() { failures_.clear(); }

  // Encodes each column of a tuple; of none, all are absent.  `key_only`: no more than the key was
  // logged.  `old_row`: has what is not in the log of a new one; may be null.  What it allocates
  // from Postgres is left in the current memory context.  May raise; carefully, only what is not
  // the fault of a value.
  void Read(const CachedRelation& entry, ::Relation relation, HeapTuple tuple, bool key_only,
            const RowImage* old_row, RowImage* row);

  const std::vector<Failure>& failures() const { return failures_; }

  // For when the process ends: whether it ends because a row could not be read.
  static bool DiedReading();

 private:
  static void ReadColumns(void* self);
  void TakeOld(size_t column);
  void ReadCarefully();

  int64_t careful_rows_;
  std::vector<Failure> failures_;

  // The row that is being read.
  const CachedRelation* entry_ = nullptr;
  TupleDesc desc_ = nullptr;
  bool key_only_ = false;
  const RowImage* old_row_ = nullptr;
  RowImage* row_ = nullptr;
  size_t column_ = 0;  // that is being encoded
  std::vector<Datum> values_;
  bool nulls_[MaxHeapAttributeNumber];
};

}  // namespace fraiseql::pg
