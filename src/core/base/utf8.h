// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fraiseql {

// Whether the byte is not the first one of its character.
inline bool ContinuesCharacter(char c) { return (c & 0xC0) == 0x80; }

inline size_t CountCharacters(std::string_view text) {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), ContinuesCharacter));
}

inline void AppendUtf8(uint32_t code, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  put(((0xFF00u >> (more + 1)) & 0xFF) | (code >> (6 * more)));
  while (more-- > 0) put(0x80 | ((code >> (6 * more)) & 0x3F));
}

}  // namespace fraiseql
