// SPDX-License-Identifier: PostgreSQL
#include "config/qualified_name.h"

#include "core/base/ascii.h"
#include "core/route/observer.h"

namespace fraiseql {

namespace {

bool BeginsName(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}
bool IsInName(char c) { return BeginsName(c) || c == '$' || (c >= '0' && c <= '9'); }

// Removes a name in quotes from the text; false if the closing quote is missing.
bool TakeQuoted(std::string_view* text, std::string* name) {
  text->remove_prefix(1);
  while (!text->empty()) {
    const char c = text->front();
    text->remove_prefix(1);
    if (c != '"') {
      name->push_back(c);
    } else if (!text->empty() && text->front() == '"') {
      name->push_back('"');
      text->remove_prefix(1);
    } else {
      return !name->empty();
    }
  }
  return false;
}

// Removes a name from the text; false if the text does not begin with one.
bool TakeName(std::string_view* text, std::string* name) {
  name->clear();
  if (text->empty()) return false;
  if (text->front() == '"') return TakeQuoted(text, name);
  if (!BeginsName(text->front())) return false;
  while (!text->empty() && IsInName(text->front())) {
    name->push_back(AsciiLower(text->front()));
    text->remove_prefix(1);
  }
  return true;
}

}  // namespace

Status ParseQualifiedName(std::string_view text, QualifiedName* name) {
  std::string_view rest = text;
  QualifiedName parsed;
  bool good = TakeName(&rest, &parsed.table);
  if (good && !rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    parsed.schema = std::move(parsed.table);
    good = TakeName(&rest, &parsed.table);
  }
  if (!good || !rest.empty()) {
    return Status::Invalid("table '" + std::string(text) + "' is not the name of a table",
                           "Write it as in SQL: tb_order, sales.tb_order, or with quotes around a "
                           "name of other characters.");
  }
  if (parsed.schema.size() > kMaxIdentifierBytes || parsed.table.size() > kMaxIdentifierBytes) {
    return Status::Invalid("name in table '" + std::string(text) + "' is longer than 63 bytes",
                           "Postgres truncates names to this length.");
  }
  *name = std::move(parsed);
  return Status::Ok();
}

QualifiedName TableOf(const ObserverRule& rule) {
  QualifiedName name;
  if (rule.table.empty()) {
    name.table = "tb_" + SnakeCase(rule.entity);
  } else {
    (void)ParseQualifiedName(rule.table, &name);
  }
  return name;
}

}  // namespace fraiseql
