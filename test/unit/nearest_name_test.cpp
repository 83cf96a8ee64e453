// SPDX-License-Identifier: PostgreSQL
#include "config/nearest_name.h"

#include <gtest/gtest.h>

#include <string>

namespace fraiseql {
namespace {

TEST(NearestName, FindsMisspellings) {
  const std::vector<std::string_view> names = {"url",      "max_age_days", "max_bytes",
                                               "max_msgs", "event",        "events"};
  const struct {
    std::string_view name, nearest;
  } kCases[] = {
      {"max_age_day", "max_age_days"},
      {"max_age", ""},
      {"maxbytes", "max_bytes"},
      {"max_megs", "max_msgs"},
      {"evnt", "event"},
      {"eventss", "events"},
      {"urll", "url"},
      {"MAX_AGE_DAYS", ""},
      {"host", ""},
      {"", ""},
      {"max_byte", "max_bytes"},
  };
  for (const auto& c : kCases) EXPECT_EQ(NearestName(c.name, names), c.nearest) << c.name;
  const std::string endless(1000, 'a');
  EXPECT_EQ(NearestName(endless, {endless}), "");
  EXPECT_EQ(NearestName("url", {}), "");
}

}  // namespace
}  // namespace fraiseql
