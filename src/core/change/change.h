// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/change/position.h"

namespace fraiseql {

// kSnapshot: the row has not changed; a backfill publishes its present state.
enum class Operation : uint8_t { kInsert, kUpdate, kDelete, kTruncate, kSnapshot };

// "INSERT", ...: the word used in subjects, payloads and observe(events => ...).
std::string_view OperationName(Operation operation);

// A set of operations.
using OperationSet = uint8_t;
constexpr OperationSet SetOf(Operation operation) {
  return static_cast<OperationSet>(1u << static_cast<unsigned>(operation));
}
constexpr OperationSet kAllOperations = 0x0F;  // that an observer can select

struct Column {
  std::string name;
  std::string json_key;  // "name": with quotes, escapes and colon, ready to be appended
  bool is_key = false;   // "id", or a column of the primary key or replica identity
};

// A table as it was when the change was written, without dropped and virtual generated columns.
struct Relation {
  uint32_t id = 0;
  std::string schema;
  std::string table;
  std::vector<Column> columns;
  // The columns that identify a row: the column "id" if it exists, else the primary key, else the
  // replica identity; empty if the table has none of them.
  std::vector<int> identity;
  // The primary key, else the replica identity; empty if the table has neither.
  std::vector<int> key;
};

// One row, each column encoded once as JSON text, in one buffer that is reused for the next row.
class RowImage {
 public:
  enum class State : uint8_t {
    kAbsent,     // not logged, for example because it is not part of the key
    kUnchanged,  // a TOAST value that the UPDATE did not touch and that is not in the log
    kPresent,    // json() is the value, which may be null
    kFailed,     // could not be encoded
  };

  // Clears the row and prepares for one of `columns` columns, all absent.
  void Reset(size_t columns);

  // Where to append the JSON text of the next column; then call Present() or Unchanged(), or
  // Failed(), which removes what was appended.
  std::string* text() { return &text_; }
  void Present(size_t column);
  void Unchanged(size_t column);
  void Failed(size_t column);
  void CopyFrom(const RowImage& other, size_t column);

  size_t size() const { return values_.size(); }
  size_t bytes() const { return text_.size(); }
  State state(size_t column) const { return values_[column].state; }
  std::string_view json(size_t column) const {
    return {text_.data() + values_[column].begin, values_[column].size};
  }

 private:
  struct Value {
    size_t begin = 0;
    size_t size = 0;
    State state = State::kAbsent;
  };
  std::string text_;
  size_t end_ = 0;  // of the last value: where the next one begins
  std::vector<Value> values_;
};

// One decoded row event.
struct Change {
  Operation operation = Operation::kInsert;
  Position position;                   // route 0
  int64_t commit_time_us = 0;          // since 1970-01-01 UTC
  const Relation* relation = nullptr;  // not owned
  RowImage new_row;                    // of INSERT, UPDATE and SNAPSHOT
  RowImage old_row;  // complete with REPLICA IDENTITY FULL, else the key, if known
  bool has_old_row = false;
};

// The old row, or null if there is none.
const RowImage* OldRowOf(const Change& change);

// The row of a change: the new one, for a DELETE the old one; null if there is none.
const RowImage* RowOf(const Change& change);

}  // namespace fraiseql
