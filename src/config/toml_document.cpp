// SPDX-License-Identifier: PostgreSQL
#include "config/toml_document.h"

#include <algorithm>

#include "config/observer_headers.h"

// toml++ 3.3 asserts some of what it is about to check ("[=]" fails), and with NDEBUG lets clang
// take it for granted.  Without either it reports these errors as it does the others.
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace fraiseql {

namespace {

constexpr size_t kMaxBytes = 1024 * 1024;

TextPosition PositionOf(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

TextPosition PositionOf(std::string_view text, size_t offset) {
  const auto before = text.substr(0, offset);
  const size_t newline = before.rfind('\n');
  const auto line = before.substr(newline == std::string_view::npos ? 0 : newline + 1);
  // Bytes that continue a character of UTF-8 are no columns.
  const auto columns =
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return {static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n') + 1),
          static_cast<uint32_t>(columns + 1)};
}

std::string_view TypeName(toml::node_type type) {
  switch (type) {
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a float";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

TomlValue Convert(const toml::node& node);

void ConvertTable(const toml::table& table, TomlValue* value) {
  value->type = TomlValue::Type::kTable;
  for (const auto& [key, child] : table) {
    value->entries.push_back({std::string(key.str()), PositionOf(key.source()), Convert(child)});
  }
  std::sort(value->entries.begin(), value->entries.end(),
            [](const TomlEntry& a, const TomlEntry& b) { return a.at < b.at; });
}

TomlValue Convert(const toml::node& node) {
  TomlValue value;
  value.type_name = TypeName(node.type());
  value.at = PositionOf(node.source());
  if (const auto* string = node.as_string()) {
    value.type = TomlValue::Type::kString;
    value.string = string->get();
  } else if (const auto* integer = node.as_integer()) {
    value.type = TomlValue::Type::kInteger;
    value.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value.type = TomlValue::Type::kBoolean;
    value.boolean = boolean->get();
  } else if (const auto* array = node.as_array()) {
    value.type = TomlValue::Type::kArray;
    for (const toml::node& element : *array) value.elements.push_back(Convert(element));
  } else if (const auto* table = node.as_table()) {
    ConvertTable(*table, &value);
  }
  return value;
}

// A list of observers becomes observers.rules, behind those that are there already.
void AddRules(TomlEntry list, TomlValue* observers) {
  list.key = "rules";
  TomlEntry* rules = observers->Find(list.key);
  if (rules == nullptr) {
    observers->entries.push_back(std::move(list));
  } else if (rules->value.type == TomlValue::Type::kArray) {
    for (TomlValue& rule : list.value.elements) rules->value.elements.push_back(std::move(rule));
  }
}

// Makes root.observers a table with the entry `rules`.
void GatherRules(bool has_list, TomlDocument* document) {
  std::vector<TomlEntry>& entries = document->root.entries;
  TomlEntry* found = document->root.Find(has_list ? kObserverListKey : kObserversKey);
  if (found == nullptr || found->value.type != TomlValue::Type::kArray) return;
  TomlEntry list = std::move(*found);
  entries.erase(entries.begin() + (found - entries.data()));
  TomlEntry* settings = document->root.Find(kObserversKey);
  if (settings != nullptr) {
    document->mixed_at = list.value.at;
  } else {
    TomlValue table;
    table.type = TomlValue::Type::kTable;
    entries.push_back({std::string(kObserversKey), list.at, std::move(table)});
    settings = &entries.back();
  }
  if (settings->value.type == TomlValue::Type::kTable) AddRules(std::move(list), &settings->value);
}

std::string Description(const toml::parse_error& error) {
  std::string text(error.description());
  const size_t renamed = text.find(kObserverListKey);
  if (renamed != std::string::npos) text.replace(renamed, kObserverListKey.size(), kObserversKey);
  if (!text.empty() && text[0] == 'E') text[0] = 'e';
  return text;
}

}  // namespace

TomlEntry* TomlValue::Find(std::string_view key) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [key](const TomlEntry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

std::optional<ConfigProblem> ReadToml(std::string_view text, TomlDocument* document) {
  if (text.size() > kMaxBytes) {
    return ConfigProblem{{}, {}, "file is larger than 1 MB", "This is no configuration file."};
  }
  const SeparatedText separated = SeparateObserverHeaders(text);
  if (separated.too_deep) {
    return ConfigProblem{{},
                         PositionOf(text, *separated.too_deep),
                         "key has too many parts",
                         "FraiseQL's keys have no more than five."};
  }
  const toml::parse_result result = toml::parse(separated.text);
  if (!result) {
    return ConfigProblem{{},
                         PositionOf(result.error().source()),
                         Description(result.error()),
                         "The file must be TOML 1.0, with strings in quotes; see https://toml.io."};
  }
  document->root = Convert(result.table());
  GatherRules(separated.has_list, document);
  return std::nullopt;
}

}  // namespace fraiseql
