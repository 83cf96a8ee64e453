// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <charconv>
#include <cstdint>
#include <string>

namespace fraiseql {

// Numbers as text, appended without locale and without allocating.
template <typename Integer>
inline void AppendDecimal(Integer value, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, end);
}

// Upper-case hexadecimal with at least `width` (1..16) digits.
inline void AppendHex(uint64_t value, int width, std::string* out) {
  char digits[16];
  int at = 16;
  do {
    digits[--at] = "0123456789ABCDEF"[value & 0xF];
    value >>= 4;
  } while (value != 0 || 16 - at < width);
  out->append(digits + at, digits + 16);
}

}  // namespace fraiseql
