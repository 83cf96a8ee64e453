// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config_problem.h"

namespace fraiseql {

struct TomlEntry;

// A value of a TOML document and its place.
struct TomlValue {
  enum class Type : uint8_t { kString, kInteger, kBoolean, kArray, kTable, kOther };

  Type type = Type::kOther;
  std::string_view type_name;  // for messages: "a string"
  TextPosition at;             // of a table: its header
  std::string string;
  int64_t integer = 0;
  bool boolean = false;
  std::vector<TomlValue> elements;  // of an array
  std::vector<TomlEntry> entries;   // of a table, in the order of the text

  TomlEntry* Find(std::string_view key);
};

struct TomlEntry {
  std::string key;
  TextPosition at;
  TomlValue value;
};

}  // namespace fraiseql
