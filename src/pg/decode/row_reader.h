// SPDX-License-Identifier: PostgreSQL
#pragma once

// Turns tuples into rows of JSON, also if a value cannot be encoded.  Include after postgres.h.

#include <cstdint>
#include <string>
#include <vector>

#include "core/change/change.h"
#include "pg/base/isolation.h"
#include "pg/decode/relation_cache.h"

namespace fraiseql::pg {

// Encodes the rows of changes.  A type's output function, or the conversion to UTF-8, may raise for
// a value, and a row may be larger than any message.  With isolation (see Isolation) this is a
// Failure; without it the error ends the process.
//
// Main thread only.  Lives in a memory context (see NewInContext) or as long as the process.
class RowReader {
 public:
  // A value of the current change that could not be encoded.
  struct Failure {
    size_t column;
    std::string reason;  // UTF-8
  };

  // `isolation` is not owned.
  explicit RowReader(Isolation* isolation) : isolation_(isolation) {}

  // Clears the failures of the previous change.
  void BeginChange() { failures_.clear(); }

  // Encodes each column of a tuple; without one, all are absent.  `key_only`: only the key was
  // logged.  `old_row`: has values that a new row does not log; may be null.  Memory that it
  // allocates from Postgres stays in the current memory context.  May raise.
  void Read(const CachedRelation& entry, ::Relation relation, HeapTuple tuple, bool key_only,
            const RowImage* old_row, RowImage* row);

  const std::vector<Failure>& failures() const { return failures_; }
  // A failure of one of these columns of the table, or null.
  const Failure* FindFailure(const ::fraiseql::Relation& table,
                             const std::vector<std::string>& columns) const;

 private:
  static void ReadColumns(void* self);
  void TakeOld(size_t column);
  void TooLarge(size_t column);

  Isolation* const isolation_;
  std::vector<Failure> failures_;

  // The row being read.
  const CachedRelation* entry_ = nullptr;
  TupleDesc desc_ = nullptr;
  bool key_only_ = false;
  const RowImage* old_row_ = nullptr;
  RowImage* row_ = nullptr;
  size_t column_ = 0;  // being encoded
  std::vector<Datum> values_;
  bool nulls_[MaxHeapAttributeNumber];
};

}  // namespace fraiseql::pg
