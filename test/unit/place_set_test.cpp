// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/place_set.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dice.h"

namespace fraiseql {
namespace {

std::string Shown(const PlaceSet& places) {
  std::string shown;
  for (const PlaceSet::Range& range : places.ranges()) {
    shown += std::to_string(range.first) + "-" + std::to_string(range.last) + " ";
  }
  return shown;
}

TEST(PlaceSet, JoinsNeighbours) {
  PlaceSet places;
  for (const uint64_t place : {1, 2, 3, 7, 5, 9}) places.Add(place);
  EXPECT_EQ(Shown(places), "1-3 5-5 7-7 9-9 ");
  places.Add(6);
  EXPECT_EQ(Shown(places), "1-3 5-7 9-9 ");
  places.Add(6);
  places.Add(4);
  places.Add(8);
  EXPECT_EQ(Shown(places), "1-9 ");
}

TEST(PlaceSet, ForgetsWhatLiesBefore) {
  PlaceSet places;
  for (const uint64_t place : {1, 2, 4, 6}) places.Add(place);
  places.ForgetUpTo(4);
  EXPECT_EQ(Shown(places), "6-6 ");
  places.ForgetUpTo(UINT64_MAX);
  EXPECT_EQ(Shown(places), "");
}

TEST(PlaceSet, HoldsWhateverIsAddedInAnyOrder) {
  Dice dice(1);
  for (int round = 0; round < 200; ++round) {
    PlaceSet places;
    std::set<uint64_t> wanted;
    for (int i = 0; i < 60; ++i) {
      const uint64_t place = 1 + dice.Below(80);
      places.Add(place);
      wanted.insert(place);
    }
    std::set<uint64_t> held;
    uint64_t end = 0;
    for (const PlaceSet::Range& range : places.ranges()) {
      EXPECT_GT(range.first, end + 1 - (end == 0 ? 1 : 0));
      for (uint64_t place = range.first; place <= range.last; ++place) held.insert(place);
      end = range.last;
    }
    ASSERT_EQ(held, wanted);
  }
}

TEST(PlaceSet, IsLargeWhenOthersWriteInBetween) {
  PlaceSet places;
  for (uint64_t place = 1; !places.IsLarge(); place += 2) places.Add(place);
  EXPECT_EQ(places.ranges().size(), 1025u);
  places.ForgetUpTo(0);
  EXPECT_FALSE(places.IsLarge()) << "not to be tried with each one that follows";
}

}  // namespace
}  // namespace fraiseql
