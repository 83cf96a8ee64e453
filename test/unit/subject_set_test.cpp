// SPDX-License-Identifier: PostgreSQL
#include "core/route/subject_set.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fraiseql {
namespace {

using Subjects = std::vector<std::string>;

TEST(SubjectSet, KnowsWhatAPatternCovers) {
  for (const char* narrow : {"a.b", "a.*", "a.>", "a.b.c", "a.*.c", "a.b.>"}) {
    EXPECT_TRUE(Covers("a.>", narrow)) << narrow;
    EXPECT_TRUE(Covers(">", narrow)) << narrow;
    EXPECT_TRUE(Covers(narrow, narrow)) << narrow;
  }
  EXPECT_TRUE(Covers("a.*.c", "a.b.c"));
  EXPECT_TRUE(Covers("*.*", "a.b"));
  EXPECT_FALSE(Covers("a.>", "a"));
  EXPECT_FALSE(Covers("a.*", "a.>"));
  EXPECT_FALSE(Covers("a.b", "a.*"));
  EXPECT_FALSE(Covers("a.*", "a.b.c"));
  EXPECT_FALSE(Covers("a.b.c", "a.b"));
  EXPECT_FALSE(Covers("a.*", "*.b"));
  EXPECT_FALSE(Covers("ab", "a"));
}

TEST(SubjectSet, TakesWhatOneOfItsPatternsMatches) {
  const SubjectSet set({"fraiseql.>", "orders.*.created", "exact"});
  for (const char* subject : {"fraiseql.a", "fraiseql.a.b", "orders.x.created", "exact"}) {
    EXPECT_TRUE(set.Takes(subject)) << subject;
  }
  for (const char* subject : {"fraiseql", "fraiseqlx.a", "orders.x.y.created", "orders.created",
                              "exact.x", "other", ""}) {
    EXPECT_FALSE(set.Takes(subject)) << subject;
  }
  EXPECT_TRUE(SubjectSet({">"}).Takes("a.b"));
  EXPECT_TRUE(SubjectSet().Takes("a.b"));
}

TEST(SubjectSet, UnitesWithoutOverlapAndWithoutLoss) {
  EXPECT_EQ(Union({}, {"a.>", "b"}), (Subjects{"a.>", "b"}));
  EXPECT_EQ(Union({"b", "a.>"}, {"a.x", "b", "c"}), (Subjects{"b", "a.>", "c"}));
  EXPECT_EQ(Union({"a.x", "b", "a.y.*"}, {"a.>"}), (Subjects{"b", "a.>"}));
  EXPECT_EQ(Union({"a.*"}, {"*.b"}), (Subjects{"a.*", "*.b"}));
}

}  // namespace
}  // namespace fraiseql
