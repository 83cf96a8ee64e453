// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fraiseql {

// Rows of texts, any of which may be absent, as bytes: what one process of the server hands to
// another.  Both are of one build and one machine, so that nothing has to tell versions apart:
//
//   rows  := row*
//   row   := fields:4 field*
//   field := length:4 byte*     length 2^32 - 1: absent, without bytes
//   numbers are little endian
using TextRow = std::vector<std::optional<std::string>>;

// REQUIRES: no text has 4 GB.
void AppendTextRow(const TextRow& row, std::string* bytes);

// Reads the rows one after the other.  A view, without a destructor: it may stand where an
// ereport(ERROR) goes by.
class TextRowReader {
 public:
  TextRowReader() = default;
  explicit TextRowReader(std::string_view bytes) : rest_(bytes) {}

  // Goes to the next row, once all fields of the last one are read.  False at the end, and where
  // the bytes are no rows.
  bool NextRow(uint32_t* fields);

  // The next field of the row; absent too where the bytes are no rows.
  std::optional<std::string_view> NextField();

 private:
  std::string_view rest_;
};

}  // namespace fraiseql
