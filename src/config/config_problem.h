// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fraiseql {

// A place in a text; lines and columns count from 1, columns in characters.  Line 0: no particular
// place.
struct TextPosition {
  uint32_t line = 0;
  uint32_t column = 0;
};

inline bool operator<(TextPosition a, TextPosition b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

// "fraiseql.toml:14:1", or only the source.
inline std::string PlaceText(const std::string& source, TextPosition at) {
  if (at.line == 0) return source;
  return source + ':' + std::to_string(at.line) + ':' + std::to_string(at.column);
}

// An error, a warning or a notice about the configuration, in the Postgres message style.
struct ConfigProblem {
  std::string source;  // the file's name or the environment variable
  TextPosition at;
  std::string reason;
  std::string hint;  // the remedy

  std::string text() const { return PlaceText(source, at) + ": " + reason; }
};

struct ConfigProblems {
  std::vector<ConfigProblem> errors;
  std::vector<ConfigProblem> warnings;
  std::vector<ConfigProblem> notices;  // about valid keys that have no effect here
};

// Makes problems safe to log and show, whatever the text that they quote: without control
// characters, at most 500 bytes each, and at most 100 of them.
void MakeFit(std::vector<ConfigProblem>* problems);

}  // namespace fraiseql
