// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fraiseql {

// Encodes numbers as little-endian bytes, as many as the type has, and fields: a text preceded by
// its size.

template <typename Integer>
inline void AppendNumber(Integer number, std::string* bytes) {
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    bytes->push_back(static_cast<char>((static_cast<uint64_t>(number) >> (8 * i)) & 0xFF));
  }
}

// Reads a number and removes it from the front of `rest`; false if there are too few bytes.
template <typename Integer>
inline bool TakeNumber(std::string_view* rest, Integer* number) {
  if (rest->size() < sizeof(Integer)) return false;
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>((*rest)[i])) << (8 * i);
  }
  *number = static_cast<Integer>(value);
  rest->remove_prefix(sizeof(Integer));
  return true;
}

template <typename Size>
inline void AppendField(std::string_view field, std::string* bytes) {
  AppendNumber(static_cast<Size>(field.size()), bytes);
  bytes->append(field);
}

template <typename Size>
inline bool TakeField(std::string_view* rest, std::string_view* field) {
  Size size = 0;
  if (!TakeNumber(rest, &size) || rest->size() < size) return false;
  *field = rest->substr(0, static_cast<size_t>(size));
  rest->remove_prefix(field->size());
  return true;
}

}  // namespace fraiseql
