// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/stored_positions.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "dice.h"

namespace fraiseql {
namespace {

TEST(StoredPositions, HoldsWhatWasInserted) {
  StoredPositions positions;
  EXPECT_TRUE(positions.empty());
  EXPECT_FALSE(positions.Contains({100, 1, 0}));
  positions.Insert({100, 1, 0});
  positions.Insert({100, 1, 1});
  positions.Insert({100, 64, 0});
  positions.Insert({100, 1, 0});
  EXPECT_EQ(positions.size(), 3u);
  EXPECT_TRUE(positions.Contains({100, 1, 0}));
  EXPECT_TRUE(positions.Contains({100, 1, 1}));
  EXPECT_TRUE(positions.Contains({100, 64, 0}));
  for (const Position& other :
       {Position{100, 0, 0}, {100, 2, 0}, {100, 64, 1}, {100, 1, 2}, {99, 1, 0}, {101, 1, 0}}) {
    EXPECT_FALSE(positions.Contains(other));
  }
  positions.Clear();
  EXPECT_TRUE(positions.empty());
  EXPECT_FALSE(positions.Contains({100, 1, 0}));
}

TEST(StoredPositions, KnowsTheLastPlaceInTheLog) {
  StoredPositions positions;
  positions.Insert({200, 3, 0});
  positions.Insert({100, 7, 1});
  EXPECT_EQ(positions.last(), (Position{200, 3, 0}));
  positions.Insert({200, 3, 2});
  EXPECT_EQ(positions.last(), (Position{200, 3, 2}));
}

TEST(StoredPositions, HoldsAnySetInsertedInAnyOrder) {
  Dice dice(7);
  const auto any = [&] {
    return Position{100 + dice.Below(5), dice.Below(300), static_cast<uint32_t>(dice.Below(3))};
  };
  std::set<std::tuple<uint64_t, uint64_t, uint32_t>> expected;
  StoredPositions positions;
  for (int i = 0; i < 2000; ++i) {
    const Position position = any();
    positions.Insert(position);
    expected.insert({position.commit_lsn, position.ordinal, position.route});
    const Position asked = any();
    ASSERT_EQ(positions.Contains(asked),
              expected.count({asked.commit_lsn, asked.ordinal, asked.route}) > 0);
  }
  EXPECT_EQ(positions.size(), expected.size());
}

}  // namespace
}  // namespace fraiseql
