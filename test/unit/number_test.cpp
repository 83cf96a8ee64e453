// SPDX-License-Identifier: PostgreSQL
#include "core/base/number.h"

#include <gtest/gtest.h>

#include <limits>

namespace fraiseql {
namespace {

template <typename Integer>
std::string Decimal(Integer value) {
  std::string out = "=";
  AppendDecimal(value, &out);
  return out;
}

std::string Hex(uint64_t value, int width) {
  std::string out = "=";
  AppendHex(value, width, &out);
  return out;
}

TEST(Number, AppendsDecimalOfEveryWidth) {
  EXPECT_EQ(Decimal(0), "=0");
  EXPECT_EQ(Decimal(-7), "=-7");
  EXPECT_EQ(Decimal(std::numeric_limits<uint32_t>::max()), "=4294967295");
  EXPECT_EQ(Decimal(std::numeric_limits<int64_t>::min()), "=-9223372036854775808");
  EXPECT_EQ(Decimal(std::numeric_limits<uint64_t>::max()), "=18446744073709551615");
}

TEST(Number, AppendsHexWithAtLeastTheWidth) {
  EXPECT_EQ(Hex(0, 1), "=0");
  EXPECT_EQ(Hex(0, 2), "=00");
  EXPECT_EQ(Hex(0xA, 2), "=0A");
  EXPECT_EQ(Hex(0x123, 2), "=123");
  EXPECT_EQ(Hex(0xB374D848, 16), "=00000000B374D848");
  EXPECT_EQ(Hex(std::numeric_limits<uint64_t>::max(), 1), "=FFFFFFFFFFFFFFFF");
  EXPECT_EQ(Hex(std::numeric_limits<uint64_t>::max(), 16), "=FFFFFFFFFFFFFFFF");
}

}  // namespace
}  // namespace fraiseql
