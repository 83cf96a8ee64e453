// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fraiseql {

// The replacement for the name in [[observers]], which tells it apart from [observers].  It has the
// same length, so that the rest of the text keeps its lines and columns.
constexpr std::string_view kObserversKey = "observers";
constexpr std::string_view kObserverListKey = "__rules__";

struct SeparatedText {
  std::string text;
  bool has_list = false;           // there is a header [[observers]]
  std::optional<size_t> too_deep;  // the place of a key with too many parts
};

// TOML forbids a table and an array of tables of the same name, but FraiseQL's documentation has
// [observers] beside [[observers]].  Renames the latter to kObserverListKey, together with its
// sub-tables: those after the last [[observers]], up to [observers].  A text that is not TOML for
// another reason stays invalid.
SeparatedText SeparateObserverHeaders(std::string_view text);

}  // namespace fraiseql
