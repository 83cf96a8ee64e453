// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fraiseql {

// Places of a stream.  Made for places that come one behind the other, most of them.
class PlaceSet {
 public:
  struct Range {
    uint64_t first;
    uint64_t last;
  };

  void Add(uint64_t place);
  void ForgetUpTo(uint64_t place);

  // It is worth the trouble to forget what is not needed.
  bool IsLarge() const { return ranges_.size() > large_; }
  const std::vector<Range>& ranges() const { return ranges_; }  // in order, apart from each other

 private:
  std::vector<Range> ranges_;
  size_t large_ = 1024;
};

}  // namespace fraiseql
