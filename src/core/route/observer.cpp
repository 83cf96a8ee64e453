// SPDX-License-Identifier: PostgreSQL
#include "core/route/observer.h"

#include <algorithm>

namespace fraiseql {

namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
char Upper(char c) { return IsLower(c) ? static_cast<char>(c - 'a' + 'A') : c; }

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return Upper(x) == Upper(y); });
}

}  // namespace

bool ParseSource(std::string_view name, Source* source) {
  if (name == "row") {
    *source = Source::kRow;
  } else if (name == "notify") {
    *source = Source::kNotify;
  } else if (name == "auto") {
    *source = Source::kAuto;
  } else {
    return false;
  }
  return true;
}

bool ParseOperation(std::string_view name, Operation* operation) {
  for (const Operation known :
       {Operation::kInsert, Operation::kUpdate, Operation::kDelete, Operation::kTruncate}) {
    if (EqualIgnoringCase(name, OperationName(known))) {
      *operation = known;
      return true;
    }
  }
  return false;
}

std::string SnakeCase(std::string_view entity) {
  std::string snake;
  for (size_t i = 0; i < entity.size(); ++i) {
    const char c = entity[i];
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && i > 0 && snake.back() != '_') snake.push_back('_');
    snake.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
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
      entity.push_back(word_begins ? Upper(c) : c);
      word_begins = false;
    }
  }
  return entity.empty() ? std::string(table) : entity;
}

}  // namespace fraiseql
