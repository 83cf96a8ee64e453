// SPDX-License-Identifier: PostgreSQL
#include "core/format/description.h"

#include <gtest/gtest.h>

#include "rows.h"

namespace fraiseql {
namespace {

DescriptionInput TestInput() {
  DescriptionInput input;
  input.database = "shop";
  input.subject_prefix = "fraiseql.mutation";
  input.topic_prefix = "fraiseql";
  input.relation = MakeRelation("public", "tb_order", {"id", "status"}, {0});
  input.relation.columns[0].is_key = true;
  input.columns = {{R"({"type":"integer"})", true}, {R"({"type":"string"})", false}};
  return input;
}

Observer TableObserver(OperationSet operations) {
  Observer observer;
  observer.name = "orders";
  observer.relation = 1;
  observer.operations = operations;
  return observer;
}

bool Has(const std::string& json, std::string_view part) {
  return json.find(part) != std::string::npos;
}

TEST(Description, OfADefaultSubjectHasTheOperationsThatThereCanBe) {
  const Description description =
      DescribeObserver(TableObserver(SetOf(Operation::kInsert)), TestInput());
  EXPECT_EQ(description.address, "fraiseql.mutation.Order.{op}");
  EXPECT_EQ(description.parameters,
            R"({"op":{"description":"the operation","enum":["INSERT","SNAPSHOT"]}})");
  EXPECT_TRUE(Has(description.messages, R"({"INSERT":{"name":"orders.INSERT")"));
  EXPECT_TRUE(Has(description.messages, R"("SNAPSHOT":{"name":"orders.SNAPSHOT")"));
  EXPECT_FALSE(Has(description.messages, "UPDATE"));
}

TEST(Description, RequiresTheColumnsThatEveryMessageHas) {
  Observer observer = TableObserver(SetOf(Operation::kInsert));
  observer.format = FindFormat("row");
  const std::string row =
      R"("payload":{"type":"object","properties":{"id":{"type":"integer"},"status":{"type":"string"}})";
  EXPECT_TRUE(Has(DescribeObserver(observer, TestInput()).messages,
                  row + R"(,"required":["id","status"]}})"));
  observer.operations = SetOf(Operation::kUpdate);
  EXPECT_TRUE(
      Has(DescribeObserver(observer, TestInput()).messages, row + R"(,"required":["id"]}})"));
  observer.operations = SetOf(Operation::kTruncate);
  EXPECT_TRUE(
      Has(DescribeObserver(observer, TestInput()).messages, R"("payload":{"type":"null"}})"));
  observer.operations = SetOf(Operation::kDelete);
  const std::string deleted = DescribeObserver(observer, TestInput()).messages;
  EXPECT_TRUE(Has(deleted, R"("payload":{"type":["object","null"],"properties":{)"));
  EXPECT_FALSE(Has(deleted, R"("required":["id")"));
  observer.columns = {"status"};
  EXPECT_FALSE(Has(DescribeObserver(observer, TestInput()).messages, "integer"));
}

TEST(Description, OfATopicHasNotificationsToo) {
  Observer observer = TableObserver(SetOf(Operation::kUpdate));
  observer.topic = "order_changed";
  observer.source = Source::kAuto;
  const Description description = DescribeObserver(observer, TestInput());
  EXPECT_EQ(description.address, "fraiseql.order.changed");
  EXPECT_EQ(description.parameters, "");
  EXPECT_TRUE(Has(description.messages, R"("type":{"const":"order.changed"})"));
  EXPECT_TRUE(Has(description.messages, R"("new_status":{"type":"string"},"previous_status")"));
  EXPECT_TRUE(Has(description.messages, R"("NOTIFY":{"name":"orders.NOTIFY")"));
  EXPECT_TRUE(
      Has(description.messages, R"("Fraiseql-Channel":{"type":"string","const":"order_changed"})"));
}

TEST(Description, OfABucketHasTheDeletionsThatUpdatesMake) {
  Observer observer = TableObserver(SetOf(Operation::kUpdate));
  observer.stream = "KV_orders";
  const Description description = DescribeObserver(observer, TestInput());
  EXPECT_EQ(description.address, "$KV.orders.{key}");
  EXPECT_TRUE(Has(description.messages, R"("KV-Operation":{"type":"string","const":"DEL"})"));
  EXPECT_TRUE(Has(description.messages, R"("required":["id","status"])"));
}

TEST(Description, OfAPartitionedTableHasNoNameOfIt) {
  DescriptionInput input = TestInput();
  input.is_partitioned = true;
  Observer observer = TableObserver(SetOf(Operation::kInsert));
  ASSERT_TRUE(SubjectTemplate::Parse("x.{table}.{entity}", &observer.subject).ok());
  const Description description = DescribeObserver(observer, input);
  EXPECT_EQ(description.address, "x.{table}.Order");
  EXPECT_TRUE(Has(description.messages, R"("Fraiseql-Table":{"type":"string"})"));
}

TEST(Description, NamesTheHeaderThatHasTheId) {
  DescriptionInput input = TestInput();
  const Observer observer = TableObserver(SetOf(Operation::kInsert));
  EXPECT_TRUE(Has(DescribeObserver(observer, input).messages, R"("Nats-Msg-Id":)"));
  input.own_id_header = true;
  const std::string messages = DescribeObserver(observer, input).messages;
  EXPECT_TRUE(Has(messages, R"("Fraiseql-Id":)"));
  EXPECT_FALSE(Has(messages, R"("Nats-Msg-Id":)"));
}

TEST(Description, WithoutTheLogHasOnlyNotifications) {
  DescriptionInput input = TestInput();
  input.from_log = false;
  EXPECT_EQ(DescribeObserver(TableObserver(kAllOperations), input).messages, "{}");
  Observer channel;
  channel.name = "told";
  channel.channel = "alerts";
  channel.source = Source::kNotify;
  const Description description = DescribeObserver(channel, input);
  EXPECT_EQ(description.address, "alerts");
  EXPECT_TRUE(Has(description.messages, R"("payload":{})"));
  EXPECT_FALSE(Has(description.messages, "Fraiseql-Position"));
}

}  // namespace
}  // namespace fraiseql
