// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fraiseql {

// Places of a stream.  Optimized for places that are mostly added in ascending order.
class PlaceSet {
 public:
  struct Range {
    uint64_t first;
    uint64_t last;
  };

  void Add(uint64_t place);
  void ForgetUpTo(uint64_t place);

  // The set has grown enough that ForgetUpTo() is worthwhile.
  bool IsLarge() const { return ranges_.size() > large_; }
  // Ascending, neither overlapping nor adjacent.
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
  size_t large_ = 1024;
};

}  // namespace fraiseql
