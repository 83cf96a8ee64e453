// SPDX-License-Identifier: PostgreSQL
#include "core/format/format.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

TEST(Format, IsFoundByItsName) {
  for (const std::string_view name : {"fraiseql", "topic", "row", "kv"}) {
    const Format* format = FindFormat(name);
    ASSERT_NE(format, nullptr) << name;
    EXPECT_EQ(format->name, name);
  }
  for (const std::string_view bad : {"", "Row", "rows", "xml"}) {
    EXPECT_EQ(FindFormat(bad), nullptr) << bad;
  }
}

TEST(Format, OfAnObserverThatNamesNoneIsThatOfItsDestination) {
  Observer observer;
  EXPECT_EQ(FormatOf(observer).name, "fraiseql");
  observer.topic = "order_created";
  EXPECT_EQ(FormatOf(observer).name, "topic");
  observer.format = FindFormat("row");
  EXPECT_EQ(FormatOf(observer).name, "row");
  observer = {};
  observer.stream = "KV_orders";
  EXPECT_EQ(FormatOf(observer).name, "kv");
  observer.stream = "KV.orders";
  EXPECT_EQ(FormatOf(observer).name, "fraiseql");
}

TEST(Format, NamesAreAllThereAre) {
  EXPECT_EQ(FormatNames(), R"("fraiseql", "topic", "row" and "kv")");
}

}  // namespace
}  // namespace fraiseql
