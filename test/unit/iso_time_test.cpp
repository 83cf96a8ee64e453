// SPDX-License-Identifier: PostgreSQL
#include "core/base/iso_time.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <limits>
#include <string_view>

#include "dice.h"

namespace fraiseql {
namespace {

std::string IsoTime(int64_t unix_us) {
  std::string out;
  AppendIsoTime(unix_us, &out);
  return out;
}

std::string IsoDate(int64_t days) {
  std::string out;
  AppendIsoDate(days, &out);
  return out;
}

std::string IsoTimestamp(int64_t unix_us) {
  std::string out;
  AppendIsoTimestamp(unix_us, &out);
  return out;
}

TEST(IsoTime, KnowsTheCalendar) {
  constexpr int64_t kSecond = 1000000;
  const struct {
    int64_t unix_us;
    std::string_view text;
  } kCases[] = {
      {0, "1970-01-01T00:00:00.000000Z"},
      {1, "1970-01-01T00:00:00.000001Z"},
      {-1, "1969-12-31T23:59:59.999999Z"},
      {-kSecond, "1969-12-31T23:59:59.000000Z"},
      {99999, "1970-01-01T00:00:00.099999Z"},
      {1768473000 * kSecond + 123456, "2026-01-15T10:30:00.123456Z"},
      {-62135596800 * kSecond, "0001-01-01T00:00:00.000000Z"},
      {-11644560000 * kSecond, "1600-12-31T00:00:00.000000Z"},
      {-2203891200 * kSecond - 1, "1900-02-28T23:59:59.999999Z"},
      {-2203891200 * kSecond, "1900-03-01T00:00:00.000000Z"},
      {946598400 * kSecond, "1999-12-31T00:00:00.000000Z"},
      {951782400 * kSecond, "2000-02-29T00:00:00.000000Z"},
      {1709164800 * kSecond, "2024-02-29T00:00:00.000000Z"},
      {4107542400 * kSecond - 1, "2100-02-28T23:59:59.999999Z"},
      {4107542400 * kSecond, "2100-03-01T00:00:00.000000Z"},
      {253402300799 * kSecond + 999999, "9999-12-31T23:59:59.999999Z"},
  };
  for (const auto& c : kCases) EXPECT_EQ(IsoTime(c.unix_us), c.text);
}

TEST(IsoTime, AgreesWithGmtime) {
  Dice dice(3);
  for (int i = 0; i < 20000; ++i) {
    const time_t seconds = dice.Between(-62135596800, 253402300799);
    const auto us = static_cast<int>(dice.Below(1000000));
    std::tm tm{};
    ASSERT_NE(gmtime_r(&seconds, &tm), nullptr);
    char expected[80];
    std::snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                  us);
    ASSERT_EQ(IsoTime(seconds * 1000000 + us), expected);
  }
}

TEST(IsoTime, TakesEveryNumber) {
  EXPECT_EQ(IsoTime(std::numeric_limits<int64_t>::max()), "294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(IsoTime(std::numeric_limits<int64_t>::min()), "-290308-12-21T19:59:05.224192Z");
}

TEST(IsoTimestamp, LeavesOutZerosAtTheEnd) {
  constexpr int64_t kNoon = 1768478400LL * 1000000;  // 2026-01-15 12:00
  EXPECT_EQ(IsoTimestamp(kNoon), "2026-01-15T12:00:00");
  EXPECT_EQ(IsoTimestamp(kNoon + 100000), "2026-01-15T12:00:00.1");
  EXPECT_EQ(IsoTimestamp(kNoon + 123450), "2026-01-15T12:00:00.12345");
  EXPECT_EQ(IsoTimestamp(kNoon + 1), "2026-01-15T12:00:00.000001");
  EXPECT_EQ(IsoTimestamp(-10), "1969-12-31T23:59:59.99999");
}

TEST(IsoDate, AgreesWithTheTimeOfItsMidnight) {
  Dice dice(4);
  for (int i = 0; i < 20000; ++i) {
    const int64_t days = dice.Between(kFirstIsoDay, kLastIsoDay);
    ASSERT_EQ(IsoDate(days), IsoTime(days * kDayUs).substr(0, 10));
  }
}

TEST(IsoDate, GoesFromYear1ToYear9999) {
  EXPECT_EQ(IsoDate(kFirstIsoDay), "0001-01-01");
  EXPECT_EQ(IsoDate(kLastIsoDay), "9999-12-31");
  EXPECT_EQ(IsoTime(kFirstIsoDay * kDayUs - 1), "0000-12-31T23:59:59.999999Z");
  EXPECT_FALSE(IsIsoTimestamp(kFirstIsoDay * kDayUs - 1));
  EXPECT_TRUE(IsIsoTimestamp(kFirstIsoDay * kDayUs));
  EXPECT_TRUE(IsIsoTimestamp((kLastIsoDay + 1) * kDayUs - 1));
  EXPECT_FALSE(IsIsoTimestamp((kLastIsoDay + 1) * kDayUs));
}

}  // namespace
}  // namespace fraiseql
