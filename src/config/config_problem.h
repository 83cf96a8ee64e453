// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fraiseql {

// A place in a text, both from 1; columns count characters.  Line 0: nowhere in particular.
struct TextPosition {
  uint32_t line = 0;
  uint32_t column = 0;
};

inline bool operator<(TextPosition a, TextPosition b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

// "fraiseql.toml:14:1", or the source alone.
inline std::string PlaceText(const std::string& source, TextPosition at) {
  if (at.line == 0) return source;
  return source + ':' + std::to_string(at.line) + ':' + std::to_string(at.column);
}

// An error, a warning or a notice about the configuration, in the Postgres message style.
struct ConfigProblem {
  std::string source;  // the file's name or the environment variable
  TextPosition at;
  std::string reason;
  std::string hint;  // what to do about it

  std::string text() const { return PlaceText(source, at) + ": " + reason; }
};

struct ConfigProblems {
  std::vector<ConfigProblem> errors;
  std::vector<ConfigProblem> warnings;
  std::vector<ConfigProblem> notices;  // of what is right, but has no effect here
};

// Makes problems fit to be logged and shown, whatever the text holds that they quote: without
// control characters, no longer than 500 bytes each, and no more than 100 of them.
void MakeFit(std::vector<ConfigProblem>* problems);

}  // namespace fraiseql
