// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fraiseql {

// Numbers as text, independent of the locale and without allocation.  The Put functions write at
// `at`, where the caller provides the space, and return the end of what they wrote.

constexpr size_t kMaxDecimal = 20;  // characters of the longest number

template <typename Integer>
inline char* PutDecimal(Integer value, char* at) {
  return std::to_chars(at, at + kMaxDecimal, value).ptr;
}

// Reads the number at the beginning of `text`; false if there is none, or it is too large.
template <typename Integer>
inline bool ReadDecimal(std::string_view text, Integer* number) {
  return std::from_chars(text.data(), text.data() + text.size(), *number).ec == std::errc();
}

// The same, but the number must be the whole text.
template <typename Integer>
inline bool ReadWholeDecimal(std::string_view text, Integer* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

// Upper-case hexadecimal with at least `width` (1..16) digits.
inline char* PutHex(uint64_t value, int width, char* at) {
  int digits = width;
  while (digits < 16 && value >> (4 * digits) != 0) ++digits;
  for (int i = digits - 1; i >= 0; --i) {
    at[i] = "0123456789ABCDEF"[value & 0xF];
    value >>= 4;
  }
  return at + digits;
}

template <typename Integer>
inline void AppendDecimal(Integer value, std::string* out) {
  char digits[kMaxDecimal];
  out->append(digits, static_cast<size_t>(PutDecimal(value, digits) - digits));
}

inline void AppendHex(uint64_t value, int width, std::string* out) {
  char digits[16];
  out->append(digits, static_cast<size_t>(PutHex(value, width, digits) - digits));
}

}  // namespace fraiseql
