// SPDX-License-Identifier: PostgreSQL
#include "core/base/text_rows.h"

#include <limits>

namespace fraiseql {

namespace {

constexpr uint32_t kAbsent = std::numeric_limits<uint32_t>::max();
constexpr size_t kNumberBytes = 4;

void AppendNumber(uint32_t number, std::string* bytes) {
  for (size_t i = 0; i < kNumberBytes; ++i) {
    bytes->push_back(static_cast<char>((number >> (8 * i)) & 0xFF));
  }
}

}  // namespace

void AppendTextRow(const TextRow& row, std::string* bytes) {
  AppendNumber(static_cast<uint32_t>(row.size()), bytes);
  for (const std::optional<std::string>& field : row) {
    AppendNumber(field ? static_cast<uint32_t>(field->size()) : kAbsent, bytes);
    if (field) bytes->append(*field);
  }
}

bool TextRowReader::TakeNumber(uint32_t* number) {
  *number = 0;
  if (rest_.size() < kNumberBytes) return false;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    *number |= static_cast<uint32_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
  }
  rest_.remove_prefix(kNumberBytes);
  return true;
}

bool TextRowReader::NextRow(uint32_t* fields) { return TakeNumber(fields); }

std::optional<std::string_view> TextRowReader::NextField() {
  uint32_t size = 0;
  if (!TakeNumber(&size) || size == kAbsent) return std::nullopt;
  if (size > rest_.size()) {
    rest_ = {};
    return std::nullopt;
  }
  const std::string_view field = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return field;
}

}  // namespace fraiseql
