// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/place_set.h"

#include <algorithm>

namespace fraiseql {

void PlaceSet::Add(uint64_t place) {
  // The first range that ends at the place before this one, or later.
  auto at = ranges_.end();
  if (!ranges_.empty() && ranges_.back().last + 1 >= place) {
    at = std::lower_bound(
        ranges_.begin(), ranges_.end(), place,
        [](const Range& range, uint64_t wanted) { return range.last + 1 < wanted; });
  }
  if (at == ranges_.end() || at->first > place + 1) {
    ranges_.insert(at, {place, place});
    return;
  }
  at->first = std::min(at->first, place);
  at->last = std::max(at->last, place);
  const auto next = at + 1;
  if (next != ranges_.end() && next->first <= at->last + 1) {
    at->last = next->last;
    ranges_.erase(next);
  }
}

void PlaceSet::ForgetUpTo(uint64_t place) {
  const auto kept = std::find_if(ranges_.begin(), ranges_.end(),
                                 [&](const Range& range) { return range.last > place; });
  ranges_.erase(ranges_.begin(), kept);
  large_ = std::max<size_t>(1024, 2 * ranges_.size());
}

}  // namespace fraiseql
