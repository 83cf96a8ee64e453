// SPDX-License-Identifier: PostgreSQL
#include "config/environment.h"

#include <algorithm>

namespace fraiseql {

namespace {

bool IsVariableName(std::string_view name) {
  const auto is_letter = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const auto is_part = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), is_part);
}

// Appends the replacement of `reference`, the text between the braces.
Status AppendReference(std::string_view reference, const Environment& environment,
                       std::string* out) {
  const size_t separator = reference.find(":-");
  const bool has_default = separator != std::string_view::npos;
  const std::string name(reference.substr(0, separator));
  if (!IsVariableName(name) || reference.find("${") != std::string_view::npos) {
    return Status::Invalid("\"${" + std::string(reference) + "}\" is not a reference to a variable",
                           "References are ${NAME} and ${NAME:-default}, and do not nest.");
  }
  const std::optional<std::string> value = environment(name);
  if (value.has_value() && (!has_default || !value->empty())) {
    out->append(*value);
  } else if (has_default) {
    out->append(reference.substr(separator + 2));
  } else {
    return Status::Invalid(
        "environment variable " + name + " is not set",
        "Set it where the Postgres server is started, or write ${" + name + ":-default}.");
  }
  return Status::Ok();
}

}  // namespace

Status ExpandVariables(std::string_view text, const Environment& environment,
                       std::string* expanded) {
  std::string result;
  while (true) {
    const size_t begin = text.find("${");
    result.append(text.substr(0, begin));
    if (begin == std::string_view::npos) break;
    const size_t end = text.find('}', begin);
    if (end == std::string_view::npos) {
      return Status::Invalid("\"${\" without \"}\"",
                             "References are ${NAME} and ${NAME:-default}.");
    }
    const Status status =
        AppendReference(text.substr(begin + 2, end - begin - 2), environment, &result);
    if (!status.ok()) return status;
    text.remove_prefix(end + 1);
  }
  *expanded = std::move(result);
  return Status::Ok();
}

bool HasVariables(std::string_view text) { return text.find("${") != std::string_view::npos; }

}  // namespace fraiseql
