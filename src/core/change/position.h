// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace fraiseql {

// The place of a message in the log, the same each time the log is decoded.  It does not contain
// the LSN of the change itself, because the rows of one COPY share it.
struct Position {
  uint64_t commit_lsn = 0;  // where the commit record of the transaction begins
  uint64_t ordinal = 0;     // of the change in its transaction, from 1, counted before any filter
  uint32_t route = 0;       // 0 for the first observer of the change, 1 for the second, ...

  friend bool operator==(const Position& a, const Position& b) { return a.Key() == b.Key(); }
  friend bool operator<(const Position& a, const Position& b) { return a.Key() < b.Key(); }

 private:
  std::tuple<uint64_t, uint64_t, uint32_t> Key() const { return {commit_lsn, ordinal, route}; }
};

// Appends `lsn` as Postgres prints it: 16/B374D848.
void AppendLsn(uint64_t lsn, std::string* out);

// Appends the value of the Fraiseql-Position header: 16/B374D848:42, or 16/B374D848:42:1 for the
// second route of a change.
void AppendPosition(const Position& position, std::string* out);

// Reads such a value; false if the text is not one.
bool ParsePosition(std::string_view text, Position* position);

}  // namespace fraiseql
