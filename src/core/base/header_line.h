// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <string_view>

namespace fraiseql {

struct HeaderLine {
  std::string_view name;
  std::string_view value;  // with its blanks, except one after the colon
};

// Reads the first line "Name: value\r\n" and removes it, and any lines without a colon before it,
// from `headers`; false if there is none.
inline bool TakeHeaderLine(std::string_view* headers, HeaderLine* line) {
  while (!headers->empty()) {
    const std::string_view text = headers->substr(0, headers->find("\r\n"));
    headers->remove_prefix(std::min(text.size() + 2, headers->size()));
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) continue;
    line->name = text.substr(0, colon);
    line->value = text.substr(colon + 1);
    if (!line->value.empty() && line->value.front() == ' ') line->value.remove_prefix(1);
    return true;
  }
  return false;
}

}  // namespace fraiseql
