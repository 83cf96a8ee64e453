// SPDX-License-Identifier: PostgreSQL
#include "core/change/position.h"

#include <gtest/gtest.h>

#include <vector>

namespace fraiseql {
namespace {

std::string LsnText(uint64_t lsn) {
  std::string out = "=";
  AppendLsn(lsn, &out);
  return out;
}

std::string PositionText(const Position& position) {
  std::string out = "=";
  AppendPosition(position, &out);
  return out;
}

TEST(Position, PrintsLsnAsPostgresDoes) {
  EXPECT_EQ(LsnText(0), "=0/0");
  EXPECT_EQ(LsnText(0x16B374D848), "=16/B374D848");
  EXPECT_EQ(LsnText(0x100000000), "=1/0");
  EXPECT_EQ(LsnText(0xFFFFFFFF), "=0/FFFFFFFF");
  EXPECT_EQ(LsnText(UINT64_MAX), "=FFFFFFFF/FFFFFFFF");
}

TEST(Position, PrintsRouteOnlyOfLaterOnes) {
  EXPECT_EQ(PositionText({0x16B374D848, 42, 0}), "=16/B374D848:42");
  EXPECT_EQ(PositionText({0x16B374D848, 42, 1}), "=16/B374D848:42:1");
}

TEST(Position, ComparesByLsnThenOrdinalThenRoute) {
  const std::vector<Position> ascending = {{1, 9, 9}, {2, 1, 9}, {2, 2, 0},
                                           {2, 2, 1}, {3, 1, 0}, {UINT64_MAX, 1, 0}};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(ascending[i] < ascending[j], i < j) << i << " " << j;
      EXPECT_EQ(ascending[i] == ascending[j], i == j) << i << " " << j;
    }
  }
}

TEST(Position, IsReadAsItIsWritten) {
  for (const Position& position :
       {Position{0x16B374D848, 42, 0}, {1, 0, 0}, {0xFFFFFFFFFFFFFFFF, UINT64_MAX, 7}}) {
    std::string text;
    AppendPosition(position, &text);
    Position read;
    EXPECT_TRUE(ParsePosition(text, &read)) << text;
    EXPECT_EQ(read, position) << text;
  }
}

TEST(Position, OtherTextIsNone) {
  Position position;
  for (const char* text : {"", "16", "16/", "16/B3", "16/B3:", "16/B3:x", "16/B3:1:", "16/B3:1:2:3",
                           "16/B3:1 ", " 16/B3:1", "116B3/1B3000000:1", "-1/0:1"}) {
    EXPECT_FALSE(ParsePosition(text, &position)) << text;
  }
}

}  // namespace
}  // namespace fraiseql
