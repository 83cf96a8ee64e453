// SPDX-License-Identifier: PostgreSQL
#include "config/value_text.h"

#include <charconv>

#include "core/base/ascii.h"

namespace fraiseql {

namespace {

Status BooleanVariable(const std::string& name, const std::string& value, std::string* text) {
  const bool is_true = EqualsIgnoringCase(value, "true") || value == "1";
  if (!is_true && !EqualsIgnoringCase(value, "false") && value != "0") {
    return Status::Invalid(name + " must be true or false, not \"" + value + '"',
                           "Write true, 1, false or 0, or unset the variable.");
  }
  *text = BooleanText(is_true);
  return Status::Ok();
}

}  // namespace

Status IntegerText(const KnownKey& key, const std::string& name, int64_t value, std::string* text) {
  if (value < key.min || value > key.max) {
    return Status::Invalid(name + " must be between " + std::to_string(key.min) + " and " +
                               std::to_string(key.max) + ", not " + std::to_string(value),
                           "Choose a value in this range.");
  }
  *text = std::to_string(value) + std::string(key.unit);
  return Status::Ok();
}

std::string BooleanText(bool value) { return value ? "on" : "off"; }

Status VariableText(const KnownKey& key, const std::string& value, std::string* text) {
  const std::string name(key.environment);
  if (key.type == ValueType::kBoolean) return BooleanVariable(name, value, text);
  if (key.type == ValueType::kInteger) {
    int64_t number = 0;
    const char* end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return Status::Invalid(name + " must be an integer, not \"" + value + '"',
                             "Write digits alone, or unset the variable.");
    }
    return IntegerText(key, name, number, text);
  }
  *text = value;
  return key.check == nullptr ? Status::Ok() : key.check(value);
}

}  // namespace fraiseql
