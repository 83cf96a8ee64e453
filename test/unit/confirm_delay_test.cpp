// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/confirm_delay.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

TEST(ConfirmDelay, HoldsBackForItsTime) {
  ConfirmDelay delay;
  delay.SetDelay(1000);
  EXPECT_TRUE(delay.IsDue(0));
  delay.Add({100, {"s", 1}}, 0);
  delay.Add({200, {"s", 2}}, 500);
  Confirmable taken;
  EXPECT_FALSE(delay.Take(999, &taken));
  ASSERT_TRUE(delay.Take(1000, &taken));
  EXPECT_EQ(taken.lsn, 100u);
  EXPECT_EQ(taken.mark.sequence, 1u);
  EXPECT_FALSE(delay.Take(1000, &taken));
  delay.Add({300, {"s", 3}}, 600);
  ASSERT_TRUE(delay.Take(5000, &taken));
  EXPECT_EQ(taken.lsn, 300u);
}

TEST(ConfirmDelay, HoldsBoundedNumbers) {
  ConfirmDelay delay;
  delay.SetDelay(64000);
  Confirmable taken;
  int held = 0;
  for (int64_t now = 0; now < 64000; ++now) {
    if (!delay.IsDue(now)) continue;
    delay.Add({static_cast<uint64_t>(now + 1), {}}, now);
    EXPECT_FALSE(delay.Take(now, &taken));
    ++held;
  }
  EXPECT_EQ(held, ConfirmDelay::kMost);
}

TEST(ConfirmDelay, WithoutADelayPassesOnAtOnce) {
  ConfirmDelay delay;
  EXPECT_FALSE(delay.on());
  delay.Add({100, {}}, 7);
  Confirmable taken;
  EXPECT_TRUE(delay.Take(7, &taken));
}

}  // namespace
}  // namespace fraiseql
