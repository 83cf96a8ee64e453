// SPDX-License-Identifier: PostgreSQL
#include "core/base/text_rows.h"

#include <limits>

#include "core/base/binary_fields.h"

namespace fraiseql {

namespace {

constexpr uint32_t kAbsent = std::numeric_limits<uint32_t>::max();
}  // namespace

void AppendTextRow(const TextRow& row, std::string* bytes) {
  AppendNumber(static_cast<uint32_t>(row.size()), bytes);
  for (const std::optional<std::string>& field : row) {
    AppendNumber(field ? static_cast<uint32_t>(field->size()) : kAbsent, bytes);
    if (field) bytes->append(*field);
  }
}

bool TextRowReader::NextRow(uint32_t* fields) {
  *fields = 0;
  return TakeNumber(&rest_, fields);
}

std::optional<std::string_view> TextRowReader::NextField() {
  uint32_t size = 0;
  if (!TakeNumber(&rest_, &size) || size == kAbsent) return std::nullopt;
  if (size > rest_.size()) {
    rest_ = {};
    return std::nullopt;
  }
  const std::string_view field = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return field;
}

}  // namespace fraiseql
