// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/change/position.h"

namespace fraiseql {

// The positions of messages that the stream holds already.  One bit for a message: a transaction of
// ten million rows that is stored and not confirmed takes 4 MB.  Optimized for positions that are
// inserted mostly in ascending order.
class StoredPositions {
 public:
  void Insert(const Position& position);
  bool Contains(const Position& position) const;

  bool empty() const { return blocks_.empty(); }
  size_t size() const { return size_; }
  // The greatest position.  REQUIRES: !empty().
  const Position& last() const { return last_; }
  void Clear();

 private:
  // The positions of 64 consecutive changes on the same route.
  struct Block {
    uint64_t commit_lsn;
    uint64_t number;  // of the block in the transaction: ordinal / 64
    uint64_t bits;
    uint32_t route;
  };
  static Block BlockOf(const Position& position);
  static bool Before(const Block& a, const Block& b);

  std::vector<Block> blocks_;  // sorted
  Position last_;
  size_t size_ = 0;
};

}  // namespace fraiseql
