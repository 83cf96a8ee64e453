// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string_view>

#include "config/toml_value.h"

namespace fraiseql {

// A TOML text, read.  Observers stand in observers.rules, however they are spelled there:
// [[observers.rules]], [[observers]] or [[observers]] beside [observers].
struct TomlDocument {
  TomlValue root;  // a table
  // Of the first [[observers]], if there is [observers] too: accepted, but not valid TOML.
  std::optional<TextPosition> mixed_at;
};

// What is wrong with a text that is no TOML; its source is left empty.
std::optional<ConfigProblem> ReadToml(std::string_view text, TomlDocument* document);

}  // namespace fraiseql
