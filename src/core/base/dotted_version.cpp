// SPDX-License-Identifier: PostgreSQL
#include "core/base/dotted_version.h"

#include <algorithm>

namespace fraiseql {

namespace {

// Removes the part before the first dot from the text and returns its digits without leading zeros.
std::string_view TakePart(std::string_view* text) {
  const size_t dot = text->find('.');
  std::string_view part = text->substr(0, dot);
  text->remove_prefix(dot == std::string_view::npos ? text->size() : dot + 1);
  part = part.substr(0, part.find_first_not_of("0123456789"));
  part.remove_prefix(std::min(part.find_first_not_of('0'), part.size()));
  return part;
}

}  // namespace

int CompareVersions(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const std::string_view x = TakePart(&a);
    const std::string_view y = TakePart(&b);
    if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
    if (const int order = x.compare(y); order != 0) return order;
  }
  return 0;
}

}  // namespace fraiseql
