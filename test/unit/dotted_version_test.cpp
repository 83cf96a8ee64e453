// SPDX-License-Identifier: PostgreSQL
#include "core/base/dotted_version.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

TEST(DottedVersionTest, ComparesNumbers) {
  EXPECT_EQ(CompareVersions("1.0", "1.0"), 0);
  EXPECT_LT(CompareVersions("1.0", "1.1"), 0);
  EXPECT_GT(CompareVersions("2.0", "1.9"), 0);
  EXPECT_LT(CompareVersions("1.9", "1.10"), 0);
  EXPECT_GT(CompareVersions("10.0", "9.9.9"), 0);
}

TEST(DottedVersionTest, PartsThatAreNotThereAreZero) {
  EXPECT_EQ(CompareVersions("1", "1.0.0"), 0);
  EXPECT_LT(CompareVersions("1", "1.0.1"), 0);
  EXPECT_EQ(CompareVersions("1.02", "1.2"), 0);
}

TEST(DottedVersionTest, TakesAnyText) {
  EXPECT_EQ(CompareVersions("", ""), 0);
  EXPECT_LT(CompareVersions("", "0.1"), 0);
  EXPECT_EQ(CompareVersions("1.2beta3", "1.2"), 0);
  EXPECT_LT(CompareVersions("1.99999999999999999999", "1.100000000000000000000"), 0);
  EXPECT_EQ(CompareVersions("unpackaged", "0"), 0);
  EXPECT_EQ(CompareVersions("..", "0"), 0);
}

}  // namespace
}  // namespace fraiseql
