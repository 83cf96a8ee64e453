// SPDX-License-Identifier: PostgreSQL
#include "core/route/partition.h"

#include <gtest/gtest.h>

#include "core/route/subject.h"
#include "rows.h"

namespace fraiseql {
namespace {

// Published test vectors of FNV-1a, 32 bits.
TEST(Partition, IsFnv1a) {
  constexpr uint32_t kAll = 0xFFFFFFFF;
  EXPECT_EQ(PartitionOf("", kAll), 0x811C9DC5U);
  EXPECT_EQ(PartitionOf("a", kAll), 0xE40C292CU);
  EXPECT_EQ(PartitionOf("foobar", kAll), 0xBF9CF968U);
  EXPECT_EQ(PartitionOf("foobar", 8), 0U);
  EXPECT_EQ(PartitionOf("foobar", 1), 0U);
}

class PartitionedSubject : public testing::Test {
 protected:
  std::string Of(std::string_view text) {
    SubjectTemplate parsed;
    const Status status = SubjectTemplate::Parse(text, &parsed);
    EXPECT_TRUE(status.ok()) << status.message();
    SubjectValues values;
    values.relation = &relation_;
    values.row = has_row_ ? &row_ : nullptr;
    std::string subject;
    const std::string* unknown = parsed.Append(values, &subject);
    unknown_ = unknown != nullptr ? *unknown : "";
    return subject;
  }

  void SetUp() override { relation_.key = {0, 1}; }

  Relation relation_ = MakeRelation("public", "t", {"tenant", "id", "region"}, {1});
  RowImage row_;
  bool has_row_ = true;
  std::string unknown_;
};

TEST_F(PartitionedSubject, IsByTheTokensOfTheKey) {
  FillRow({"\"a.b\"", "7", "\"eu\""}, &row_);
  EXPECT_EQ(Of("o.{partition:8}.x"), "o." + std::to_string(PartitionOf("a%2Eb7", 8)) + ".x");
  EXPECT_EQ(Of("o.{partition:5:region}"), "o." + std::to_string(PartitionOf("eu", 5)));
  EXPECT_EQ(unknown_, "");
}

TEST_F(PartitionedSubject, NeedsTheKey) {
  FillRow({"\"a\"", kAbsentValue, "\"eu\""}, &row_);
  (void)Of("o.{partition:8}");
  EXPECT_EQ(unknown_, "id");
  (void)Of("o.{partition:8:region}");
  EXPECT_EQ(unknown_, "");
  has_row_ = false;
  (void)Of("o.{partition:8:region}");
  EXPECT_EQ(unknown_, "region");
  has_row_ = true;
  relation_.key.clear();
  (void)Of("o.{partition:8}");
  EXPECT_EQ(unknown_, "(key)");
}

TEST(PartitionTemplate, SaysWhatItNeeds) {
  SubjectTemplate parsed;
  ASSERT_TRUE(SubjectTemplate::Parse("o.{partition:8}.{partition:2:a}.{column:b}", &parsed).ok());
  EXPECT_EQ(parsed.columns(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(parsed.needs_row());
  EXPECT_EQ(parsed.Pattern(), "o.*.*.*");
  ASSERT_TRUE(SubjectTemplate::Parse("o.{partition:8}", &parsed).ok());
  EXPECT_TRUE(parsed.columns().empty());
  EXPECT_TRUE(parsed.needs_row());
  ASSERT_TRUE(SubjectTemplate::Parse("o.{table}", &parsed).ok());
  EXPECT_FALSE(parsed.needs_row());
}

TEST(PartitionTemplate, RefusesWhatIsNoNumberOfPartitions) {
  for (const char* bad : {"{partition:0}", "{partition:}", "{partition:x}", "{partition:65537}",
                          "{partition:-1}", "{partition:8:}", "{partition:8.5}", "{partition}"}) {
    SubjectTemplate parsed;
    EXPECT_FALSE(SubjectTemplate::Parse(std::string("o.") + bad, &parsed).ok()) << bad;
  }
}

}  // namespace
}  // namespace fraiseql
