// SPDX-License-Identifier: PostgreSQL
#include "core/base/decimal.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fraiseql {
namespace {

TEST(Decimal, KnowsJsonNumbers) {
  for (const std::string_view good :
       {"0", "-0", "1", "-12", "0.5", "10.00", "1e5", "1E+5", "1.5e-07",
        "123456789012345678901234567890", "1e99999999999999999999"}) {
    EXPECT_TRUE(IsJsonNumber(good)) << good;
  }
  for (const std::string_view bad :
       {"", "-", "+1", "01", ".5", "5.", "1e", "1e+", "1.e5", "1 ", " 1", "0x10", "1_000", "NaN",
        "\"1\"", "null", "1.2.3", "1e5.0"}) {
    EXPECT_FALSE(IsJsonNumber(bad)) << bad;
  }
}

TEST(Decimal, OrdersExactly) {
  // Ascending; those in one line are equal.
  const std::vector<std::vector<std::string_view>> kAscending = {
      {"-1e99999999999", "-1e9999999999"},
      {"-100000000000000000000000000001"},
      {"-1e29", "-100000000000000000000000000000"},
      {"-9007199254740993"},
      {"-9007199254740992", "-9007199254740992.000"},
      {"-1.51"},
      {"-1.5", "-1.50", "-15e-1"},
      {"-0.001"},
      {"0", "-0", "0.00", "0e10", "-0.0e-5"},
      {"1e-400", "0.1e-399"},
      {"0.001", "1e-3", "0.00100"},
      {"0.0010000000000000000000000001"},
      {"0.1"},
      {"9"},
      {"10", "1e1", "1.0E+1", "0.0001e5"},
      {"10.000000000000000000000000001"},
      {"9007199254740992"},
      {"9007199254740993"},
      {"9223372036854775807"},
      {"9223372036854775808"},
      {"1e20", "100000000000000000000"},
      {"1e400"},
  };
  for (size_t i = 0; i < kAscending.size(); ++i) {
    for (size_t j = 0; j < kAscending.size(); ++j) {
      const int expected = static_cast<int>(i > j) - static_cast<int>(i < j);
      for (const std::string_view a : kAscending[i]) {
        for (const std::string_view b : kAscending[j]) {
          EXPECT_EQ(CompareJsonNumbers(a, b), expected) << a << " <=> " << b;
        }
      }
    }
  }
}

}  // namespace
}  // namespace fraiseql
