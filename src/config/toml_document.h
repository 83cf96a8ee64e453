// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string_view>

#include "config/toml_value.h"

namespace fraiseql {

// A parsed TOML text.  Observers are in observers.rules, however the text declares them:
// [[observers.rules]], [[observers]] or [[observers]] beside [observers].
struct TomlDocument {
  TomlValue root;  // a table
  // The place of the first [[observers]], if [observers] exists too: accepted, but not valid TOML.
  std::optional<TextPosition> mixed_at;
};

// The error of a text that is not TOML, without its source.
std::optional<ConfigProblem> ReadToml(std::string_view text, TomlDocument* document);

}  // namespace fraiseql
