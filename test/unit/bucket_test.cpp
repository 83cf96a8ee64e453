// SPDX-License-Identifier: PostgreSQL
#include "core/route/bucket.h"

#include <gtest/gtest.h>

#include "core/format/event.h"
#include "core/format/format_kv.h"
#include "rows.h"

namespace fraiseql {
namespace {

TEST(Bucket, IsNamedByItsStreamAndItsSubjects) {
  EXPECT_EQ(BucketOfStream("KV_orders"), "orders");
  EXPECT_EQ(BucketOfStream("KV_a-b_9"), "a-b_9");
  for (const std::string_view other :
       {"", "KV_", "orders", "kv_orders", "KV_a.b", "KV_a b", "xKV_a"}) {
    EXPECT_EQ(BucketOfStream(other), "") << other;
  }
  EXPECT_EQ(BucketOfStream("KV_" + std::string(252, 'a')).size(), 252U);
  EXPECT_EQ(BucketOfStream("KV_" + std::string(253, 'a')), "");
  EXPECT_TRUE(IsBucket({"$KV.orders.>"}));
  for (const std::string other :
       {"", "$KV.orders", "$KV..>", "$KV.a.b.>", "$KV.>", "KV.orders.>"}) {
    EXPECT_FALSE(IsBucket({other})) << other;
  }
  EXPECT_FALSE(IsBucket({"$KV.a.>", "$KV.b.>"}));
}

TEST(Bucket, KeysHaveOnlyTheCharactersThatClientsAllow) {
  const auto token = [](std::string_view value) {
    std::string out;
    AppendKeyToken(value, &out);
    return out;
  };
  EXPECT_EQ(token("aZ09-_/"), "aZ09-_/");
  EXPECT_EQ(token("a.b c=d"), "a=2Eb=20c=3Dd");
  EXPECT_EQ(token("\xC3\xA9*>"), "=C3=A9=2A=3E");
  EXPECT_EQ(token(""), "=00");
  EXPECT_NE(token("=TRUNCATE"), kTruncateKey);
}

TEST(Bucket, SubjectsOfKeysAreAllowedAndOthersOfNatsAreNot) {
  EXPECT_TRUE(CheckMessageSubject("$KV.orders.1").ok());
  EXPECT_TRUE(CheckMessageSubject("orders.1").ok());
  for (const std::string_view bad :
       {"$KV.orders", "$KV.orders.", "$KV.orders.a..b", "$KV.o*.1", "$KV.orders.*",
        "$JS.API.STREAM.PURGE.x", "_INBOX.a", "$KV", ""}) {
    EXPECT_FALSE(CheckMessageSubject(bad).ok()) << bad;
  }
  EXPECT_FALSE(CheckMessageSubject("$KV.orders." + std::string(3000, 'a')).ok());
}

class BucketEvent : public testing::Test {
 protected:
  void SetUp() override {
    relation_.id = 7;
    relation_.key = {0, 1};
    observer_.relation = 7;
    observer_.stream = "KV_orders";
    route_.observer = &observer_;
    route_.include = {true, true, true};
    change_.relation = &relation_;
  }

  // The status of the message that is built.
  Status Build(Operation operation) {
    change_.operation = operation;
    message_.Clear();
    TransactionHeaders transaction;
    transaction.Begin(5, 0);
    return BuildEvent({1, 2, "db", "p", "t"}, transaction, route_, change_, &message_);
  }
  std::string_view Header(std::string_view name) { return FindHeader(message_.headers, name); }

  Relation relation_ = MakeRelation("public", "t", {"tenant", "id", "note"}, {1});
  Observer observer_;
  Route route_;
  Change change_;
  Message message_;
};

TEST_F(BucketEvent, ARowThatExistsIsTheValueOfItsKey) {
  FillRow({"\"a.b\"", "7", "null"}, &change_.new_row);
  for (const Operation operation : {Operation::kInsert, Operation::kUpdate, Operation::kSnapshot}) {
    ASSERT_TRUE(Build(operation).ok());
    EXPECT_EQ(message_.subject, "$KV.orders.a=2Eb.7");
    EXPECT_EQ(message_.payload, R"({"tenant":"a.b","id":7,"note":null})");
    EXPECT_EQ(Header("KV-Operation"), "");
    EXPECT_EQ(Header("Content-Type"), "application/json");
  }
}

TEST_F(BucketEvent, ADeletedRowIsNamedByItsOldKey) {
  change_.has_old_row = true;
  FillRow({"\"a\"", "8", kAbsentValue}, &change_.old_row);
  FillRow({"\"a\"", "7", "null"}, &change_.new_row);
  ASSERT_TRUE(Build(Operation::kDelete).ok());
  EXPECT_EQ(message_.subject, "$KV.orders.a.8");
  EXPECT_EQ(message_.payload, "");
  EXPECT_EQ(Header("KV-Operation"), "DEL");
  FillRow({"\"a\"", kAbsentValue, kAbsentValue}, &change_.old_row);
  EXPECT_EQ(Build(Operation::kDelete).code(), StatusCode::kRejected);
  change_.has_old_row = false;  // an update whose key has not changed
  ASSERT_TRUE(Build(Operation::kDelete).ok());
  EXPECT_EQ(message_.subject, "$KV.orders.a.7");
}

TEST_F(BucketEvent, HalfARowIsRejected) {
  FillRow({"\"a\"", "7", kUnchangedValue}, &change_.new_row);
  const Status status = Build(Operation::kUpdate);
  EXPECT_EQ(status.code(), StatusCode::kRejected);
  EXPECT_NE(status.message().find("\"note\""), std::string::npos) << status.message();
  route_.include[2] = false;
  EXPECT_TRUE(Build(Operation::kUpdate).ok());
}

TEST_F(BucketEvent, TruncateIsOfTheWholeTable) {
  ASSERT_TRUE(Build(Operation::kTruncate).ok());
  EXPECT_EQ(message_.subject, "$KV.orders.=TRUNCATE");
  EXPECT_EQ(message_.payload, "");
  EXPECT_EQ(Header("KV-Operation"), "PURGE");
  EXPECT_EQ(Header("Nats-Rollup"), "");
  relation_.id = 8;  // a partition
  EXPECT_EQ(Build(Operation::kTruncate).code(), StatusCode::kRejected);
}

TEST_F(BucketEvent, AChangedKeyIsKnownByTheOldRow) {
  change_.operation = Operation::kUpdate;
  FillRow({"\"a\"", "7", "1"}, &change_.new_row);
  FillRow({"\"a\"", "7", "2"}, &change_.old_row);
  EXPECT_FALSE(IsKeyChanged(change_));
  change_.has_old_row = true;
  EXPECT_FALSE(IsKeyChanged(change_));
  FillRow({"\"a\"", "8", kAbsentValue}, &change_.old_row);
  EXPECT_TRUE(IsKeyChanged(change_));
  change_.operation = Operation::kDelete;
  EXPECT_FALSE(IsKeyChanged(change_));
}

}  // namespace
}  // namespace fraiseql
