// SPDX-License-Identifier: PostgreSQL
#include "core/base/backoff.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

TEST(Backoff, DoublesUpToTheMaximum) {
  Backoff backoff(10, 50);
  for (const int64_t expected : {10, 20, 40, 50, 50, 50}) EXPECT_EQ(backoff.Next(), expected);
}

TEST(Backoff, BeginsAnewAfterReset) {
  Backoff backoff(10, 50);
  backoff.Next();
  backoff.Next();
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), 10);
  EXPECT_EQ(backoff.Next(), 20);
}

TEST(Backoff, TakesAMaximumBelowTheMinimumForTheMinimum) {
  Backoff backoff(100, 1);
  EXPECT_EQ(backoff.Next(), 100);
  EXPECT_EQ(backoff.Next(), 100);
}

}  // namespace
}  // namespace fraiseql
