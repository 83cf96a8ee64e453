// SPDX-License-Identifier: PostgreSQL
#include "core/route/observer.h"

#include <algorithm>

#include "core/base/ascii.h"

namespace fraiseql {

bool ParseSource(std::string_view name, Source* source) {
  constexpr std::string_view kNames[] = {"row", "notify", "auto"};  // as they are declared
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return false;
  *source = static_cast<Source>(found - std::begin(kNames));
  return true;
}

bool ParseOperation(std::string_view name, Operation* operation) {
  for (const Operation known :
       {Operation::kInsert, Operation::kUpdate, Operation::kDelete, Operation::kTruncate}) {
    if (EqualsIgnoringCase(name, OperationName(known))) {
      *operation = known;
      return true;
    }
  }
  return false;
}

std::string SnakeCase(std::string_view entity) {
  std::string snake;
  for (size_t i = 0; i < entity.size(); ++i) {
    const char lower = AsciiLower(entity[i]);
    if (lower != entity[i] && i > 0 && snake.back() != '_') snake.push_back('_');
    snake.push_back(lower);
  }
  return snake;
}

std::string EntityOfTable(std::string_view table) {
  if (table.size() > 3 && table.substr(0, 3) == "tb_") table.remove_prefix(3);
  std::string entity;
  bool word_begins = true;
  for (const char c : table) {
    if (c == '_') {
      word_begins = true;
    } else {
      entity.push_back(word_begins ? AsciiUpper(c) : c);
      word_begins = false;
    }
  }
  return entity.empty() ? std::string(table) : entity;
}

}  // namespace fraiseql
