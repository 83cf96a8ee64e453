// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/stored_positions.h"

#include <algorithm>
#include <tuple>

namespace fraiseql {

StoredPositions::Block StoredPositions::BlockOf(const Position& position) {
  return {position.commit_lsn, position.ordinal / 64, uint64_t{1} << (position.ordinal % 64),
          position.route};
}

bool StoredPositions::Before(const Block& a, const Block& b) {
  return std::tie(a.commit_lsn, a.number, a.route) < std::tie(b.commit_lsn, b.number, b.route);
}

void StoredPositions::Insert(const Position& position) {
  const Block wanted = BlockOf(position);
  if (empty() || last_ < position) last_ = position;
  auto at = blocks_.end();
  if (!blocks_.empty() && !Before(blocks_.back(), wanted)) {
    at = std::lower_bound(blocks_.begin(), blocks_.end(), wanted, Before);
  }
  if (at == blocks_.end() || Before(wanted, *at)) {
    blocks_.insert(at, wanted);
    ++size_;
  } else if ((at->bits & wanted.bits) == 0) {
    at->bits |= wanted.bits;
    ++size_;
  }
}

bool StoredPositions::Contains(const Position& position) const {
  const Block wanted = BlockOf(position);
  const auto at = std::lower_bound(blocks_.begin(), blocks_.end(), wanted, Before);
  return at != blocks_.end() && !Before(wanted, *at) && (at->bits & wanted.bits) != 0;
}

void StoredPositions::Clear() {
  std::vector<Block>().swap(blocks_);
  size_ = 0;
}

}  // namespace fraiseql
