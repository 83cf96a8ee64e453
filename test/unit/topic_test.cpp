// SPDX-License-Identifier: PostgreSQL
#include "core/route/topic.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

TEST(Topic, IsANameWithoutDotAndPlaceholder) {
  EXPECT_TRUE(IsTopic("order_created"));
  EXPECT_TRUE(IsTopic("done"));
  EXPECT_FALSE(IsTopic(""));
  EXPECT_FALSE(IsTopic("order.created"));
  EXPECT_FALSE(IsTopic("{op}"));
}

TEST(Topic, HasItsFirstUnderscoreAsADotInItsType) {
  const struct {
    const char* topic;
    const char* subject;
  } kCases[] = {
      {"order_created", "fraiseql.order.created"},
      {"order_status_changed", "fraiseql.order.status_changed"},
      {"done", "fraiseql.done"},
      {"_done", "fraiseql._done"},
      {"done_", "fraiseql.done_"},
      {"a__b", "fraiseql.a._b"},
      {"odd name_x>", "fraiseql.odd%20name.x%3E"},
  };
  for (const auto& c : kCases) {
    std::string subject;
    AppendTopicSubject("fraiseql", c.topic, &subject);
    EXPECT_EQ(subject, c.subject) << c.topic;
  }
}

}  // namespace
}  // namespace fraiseql
