// SPDX-License-Identifier: PostgreSQL
#include "config/nearest_name.h"

#include <algorithm>
#include <numeric>

namespace fraiseql {

namespace {

// The number of characters that must be inserted, removed or replaced to change `a` into `b`
// (Levenshtein).
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view NearestName(std::string_view name, const std::vector<std::string_view>& names) {
  std::string_view nearest;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  // A name that long is not treated as a misspelling, because the cost is the product of the
  // lengths.
  if (name.size() > 64) return nearest;
  for (const std::string_view candidate : names) {
    const size_t distance = Distance(name, candidate);
    if (distance < least && distance < candidate.size()) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace fraiseql
