// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fraiseql {

// Rows of texts, any of which may be absent, as bytes that one process of the server passes to
// another.  Both processes run the same build on the same machine, so the format has no version:
//
//   rows  := row*
//   row   := fields:4 field*
//   field := length:4 byte*     length 2^32 - 1: absent, without bytes
//   numbers are little endian
using TextRow = std::vector<std::optional<std::string>>;

// REQUIRES: no text has 4 GB.
void AppendTextRow(const TextRow& row, std::string* bytes);

// Reads the rows one after the other.  It is a view without a destructor: a longjmp of
// ereport(ERROR) may skip it.
class TextRowReader {
 public:
  TextRowReader() = default;
  explicit TextRowReader(std::string_view bytes) : rest_(bytes) {}

  // Moves to the next row, after all fields of the last one are read.  False at the end, and if the
  // bytes are not rows.
  bool NextRow(uint32_t* fields);

  // The next field of the row; also absent if the bytes are not rows.
  std::optional<std::string_view> NextField();

 private:
  std::string_view rest_;
};

}  // namespace fraiseql
