// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fraiseql {

// What [[observers]] is called once it is told apart from [observers].  As long as the name that it
// replaces, so that everything in the text keeps its line and column.
constexpr std::string_view kObserversKey = "observers";
constexpr std::string_view kObserverListKey = "__rules__";

struct SeparatedText {
  std::string text;
  bool has_list = false;           // there is a header [[observers]]
  std::optional<size_t> too_deep;  // where a key has more parts than any reader should follow
};

// TOML forbids a table and an array of tables of the same name, yet [observers] beside
// [[observers]] is what FraiseQL's documentation prints.  Renames the latter to kObserverListKey,
// together with the sub-tables that belong to it: those below the last [[observers]], until
// [observers] comes. A text that is not TOML otherwise stays so.
SeparatedText SeparateObserverHeaders(std::string_view text);

}  // namespace fraiseql
