// SPDX-License-Identifier: PostgreSQL
#include "core/format/event.h"
#include "core/format/format.h"

#include <gtest/gtest.h>

#include "rows.h"

namespace fraiseql {
namespace {

// The payloads below are the wire contract: consumers parse them.

// What is observed and what happened; a test changes what it is about, then calls Build().
class EventTest : public ::testing::Test {
 protected:
  EventTest() {
    change_.position = {0x16B374D848, 42, 0};
    change_.commit_time_us = 1768473000123456;  // 2026-01-15 10:30:00.123456
    change_.relation = &relation_;
    transaction_.Begin(771, change_.commit_time_us);
  }

  void Insert(const std::vector<std::string_view>& row) {
    change_.operation = Operation::kInsert;
    FillRow(row, &change_.new_row);
  }

  void Update(const std::vector<std::string_view>& row) {
    change_.operation = Operation::kUpdate;
    FillRow(row, &change_.new_row);
  }

  void Delete() { change_.operation = Operation::kDelete; }

  void OldRow(const std::vector<std::string_view>& row) {
    change_.has_old_row = true;
    FillRow(row, &change_.old_row);
  }

  void Template(std::string_view text) {
    ASSERT_TRUE(SubjectTemplate::Parse(text, &observer_.subject).ok());
  }

  // What a payload begins with; `entity` as it stands in a JSON string.
  static std::string Head(const std::string& event, const std::string& entity) {
    const bool known = event == "INSERT" || event == "UPDATE" || event == "DELETE";
    return R"({"id":"59cb7a31-987c-5337-b632-2fe31f17e791","event":")" + event +
           R"(","event_type":")" + (known ? event : "CUSTOM") + R"(","entity":")" + entity +
           R"(","entity_type":")" + entity + "\",";
  }

  Status Build() {
    const Router router({observer_});
    const std::vector<Route> routes =
        router.Resolve(relation_, {{observer_.relation, relation_.table}});
    message_.Clear();
    message_.position = change_.position;
    return BuildEvent(origin_, transaction_, routes.at(0), change_, &message_);
  }

  std::string Payload() {
    const Status status = Build();
    EXPECT_TRUE(status.ok()) << status.message();
    return message_.payload;
  }

  std::string Subject() {
    const Status status = Build();
    EXPECT_TRUE(status.ok()) << status.message();
    return message_.subject;
  }

  Origin origin_{7012345678901234567, 16384, "shop", "fraiseql.mutation"};
  TransactionHeaders transaction_;
  Relation relation_ = MakeRelation("public", "tb_order", {"id", "status", "total"}, {0});
  Observer observer_;
  Change change_;
  Message message_;
};

TEST_F(EventTest, InsertShowsTheRow) {
  Insert({"7", R"("new")", "12.50"});
  EXPECT_EQ(Payload(), Head("INSERT", "Order") +
                           R"("entity_id":"7",)"
                           R"("subject":"fraiseql.mutation.Order.INSERT",)"
                           R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                           R"("data":{"id":7,"status":"new","total":12.50}})");
}

TEST_F(EventTest, SnapshotShowsTheRow) {
  Insert({"7", R"("new")", "12.50"});
  change_.operation = Operation::kSnapshot;
  EXPECT_EQ(Payload(), Head("SNAPSHOT", "Order") +
                           R"("entity_id":"7",)"
                           R"("subject":"fraiseql.mutation.Order.SNAPSHOT",)"
                           R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                           R"("data":{"id":7,"status":"new","total":12.50}})");
  observer_.format = FindFormat("topic");
  EXPECT_EQ(Payload(), R"({"type":"order.snapshot","timestamp":"2026-01-15T10:30:00.123456Z",)"
                       R"("order_id":"7","id":7,"status":"new","total":12.50,)"
                       R"("data":{"id":7,"status":"new","total":12.50}})");
  Template("{op}.{column:status}");
  EXPECT_EQ(Subject(), "SNAPSHOT.new");
}

TEST_F(EventTest, HeadersTellASnapshotFromANewRow) {
  Insert({"7", R"("new")", "12.50"});
  ASSERT_TRUE(Build().ok());
  EXPECT_EQ(message_.headers.find("Fraiseql-Event"), std::string::npos);
  change_.operation = Operation::kSnapshot;
  ASSERT_TRUE(Build().ok());
  EXPECT_NE(message_.headers.find("\r\nFraiseql-Event: SNAPSHOT\r\n"), std::string::npos);
}

TEST_F(EventTest, UpdateWithoutTheOldRowShowsTheNewOne) {
  Update({"7", R"("paid")", "null"});
  EXPECT_EQ(Payload(), Head("UPDATE", "Order") +
                           R"("entity_id":"7",)"
                           R"("subject":"fraiseql.mutation.Order.UPDATE",)"
                           R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                           R"("data":{"id":7,"status":"paid","total":null}})");
}

TEST_F(EventTest, UpdateWithTheOldRowShowsWhatChanged) {
  OldRow({"7", R"("new")", "12.50"});
  Update({"7", R"("paid")", "null"});
  EXPECT_EQ(
      Payload(),
      Head("UPDATE", "Order") +
          R"("entity_id":"7",)"
          R"("subject":"fraiseql.mutation.Order.UPDATE",)"
          R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
          R"("data":{"id":7,"status":"paid","total":null},)"
          R"("changes":{"status":{"old":"new","new":"paid"},"total":{"old":12.50,"new":null}}})");
}

TEST_F(EventTest, UpdateThatChangesNothingHasNoChanges) {
  OldRow({"7", R"("new")", "1"});
  Update({"7", R"("new")", "1"});
  EXPECT_NE(Payload().find(R"("changes":{}})"), std::string::npos) << message_.payload;
}

TEST_F(EventTest, UpdateOfTheKeyShowsTheOldKey) {
  OldRow({"7", kAbsentValue, kAbsentValue});
  Update({"8", R"("new")", "1"});
  EXPECT_EQ(Payload(), Head("UPDATE", "Order") + R"("entity_id":"8",)"
                                                 R"("subject":"fraiseql.mutation.Order.UPDATE",)"
                                                 R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                                                 R"("data":{"id":8,"status":"new","total":1},)"
                                                 R"("changes":{"id":{"old":7,"new":8}}})");
}

TEST_F(EventTest, UntouchedToastIsLeftOutAndListed) {
  Update({"7", kUnchangedValue, kUnchangedValue});
  EXPECT_EQ(Payload(), Head("UPDATE", "Order") +
                           R"("entity_id":"7",)"
                           R"("subject":"fraiseql.mutation.Order.UPDATE",)"
                           R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                           R"("data":{"id":7},"unchanged":["status","total"]})");
}

TEST_F(EventTest, UntouchedToastIsNoChange) {
  OldRow({"7", R"("new")", "1"});
  Update({"7", kUnchangedValue, "2"});
  const std::string payload = Payload();
  const std::string end = R"("changes":{"total":{"old":1,"new":2}},"unchanged":["status"]})";
  ASSERT_GE(payload.size(), end.size());
  EXPECT_EQ(payload.substr(payload.size() - end.size()), end);
}

TEST_F(EventTest, DeleteShowsTheWholeOldRow) {
  OldRow({"7", R"("new")", "12.50"});
  Delete();
  EXPECT_EQ(Payload(), Head("DELETE", "Order") +
                           R"("entity_id":"7",)"
                           R"("subject":"fraiseql.mutation.Order.DELETE",)"
                           R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                           R"("data":{"id":7,"status":"new","total":12.50}})");
}

TEST_F(EventTest, DeleteShowsTheKeyWhenNoMoreWasLogged) {
  OldRow({"7", kAbsentValue, kAbsentValue});
  Delete();
  EXPECT_EQ(Payload(), Head("DELETE", "Order") + R"("entity_id":"7",)"
                                                 R"("subject":"fraiseql.mutation.Order.DELETE",)"
                                                 R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                                                 R"("data":{"id":7}})");
}

TEST_F(EventTest, DeleteShowsNothingWhenNothingWasLogged) {
  Delete();
  EXPECT_EQ(Payload(), Head("DELETE", "Order") + R"("entity_id":null,)"
                                                 R"("subject":"fraiseql.mutation.Order.DELETE",)"
                                                 R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                                                 R"("data":null})");
}

TEST_F(EventTest, TruncateHasNoRow) {
  change_.operation = Operation::kTruncate;
  EXPECT_EQ(Payload(), Head("TRUNCATE", "Order") +
                           R"("entity_id":null,)"
                           R"("subject":"fraiseql.mutation.Order.TRUNCATE",)"
                           R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                           R"("data":null})");
}

TEST_F(EventTest, NamesAreEscaped) {
  relation_ = MakeRelation("public", "t", {"a\"b", "c\nd"});
  observer_.entity = "Say \"hi\"";
  Update({"1", kUnchangedValue});
  EXPECT_EQ(Payload(), Head("UPDATE", R"(Say \"hi\")") +
                           R"("entity_id":null,)"
                           R"("subject":"fraiseql.mutation.Say%20\"hi\".UPDATE",)"
                           R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                           R"("data":{"a\"b":1},"unchanged":["c\nd"]})");
}

TEST_F(EventTest, KeyThatIsNotListedIsNotPublished) {
  observer_.columns = {"total"};
  OldRow({"70707", R"("new")", "1"});
  Update({"70707", R"("paid")", "2"});
  EXPECT_EQ(Payload().find("70707"), std::string::npos) << message_.payload;
  EXPECT_NE(Payload().find(R"("entity_id":null)"), std::string::npos) << message_.payload;
  observer_.format = FindFormat("topic");
  EXPECT_EQ(Payload().find("70707"), std::string::npos) << message_.payload;
}

TEST_F(EventTest, RowThatIsTooLargeIsRefusedWithoutItsPayload) {
  Update({"7", "\"" + std::string(kMaxMessageBytes, 'x') + "\"", "1"});
  EXPECT_EQ(Build().message(), "the row is larger than a message can be");
  EXPECT_EQ(message_.payload, "");
  EXPECT_NE(message_.headers.find("Fraiseql-Unencoded: *\r\n"), std::string::npos);
}

TEST_F(EventTest, OnlyListedColumnsArePublished) {
  observer_.columns = {"id", "total"};
  OldRow({"7", R"("new")", "1"});
  Update({"7", R"("paid")", "2"});
  EXPECT_EQ(Payload(), Head("UPDATE", "Order") +
                           R"("entity_id":"7",)"
                           R"("subject":"fraiseql.mutation.Order.UPDATE",)"
                           R"("timestamp":"2026-01-15T10:30:00.123456Z",)"
                           R"("data":{"id":7,"total":2},"changes":{"total":{"old":1,"new":2}}})");
}

TEST_F(EventTest, UntouchedToastIsListedOnlyIfItsColumnIs) {
  observer_.columns = {"id", "total"};
  Update({"7", kUnchangedValue, "1"});
  EXPECT_EQ(Payload().find("unchanged"), std::string::npos) << message_.payload;
}

TEST_F(EventTest, EntityIdIsTheTextOfTheKey) {
  const struct {
    std::vector<int> identity;
    std::vector<std::string_view> row;
    std::string_view entity_id;
  } kCases[] = {
      {{0}, {R"("a\"b")", "1", "2"}, R"("a\"b")"},
      {{1}, {"7", R"("x")", "2"}, R"("x")"},
      {{0, 2}, {"7", R"("x")", "2.50"}, R"("7:2.50")"},
      {{2, 1, 0}, {"7", R"("x")", "2"}, R"("2:x:7")"},
      {{1}, {"7", R"("x:y%")", "2"}, R"("x:y%")"},
      {{0, 1}, {"7", R"("x:y%")", "2"}, R"("7:x%3Ay%25")"},
      {{0, 2}, {"7", R"("x")", kUnchangedValue}, "null"},
      {{0}, {"null", R"("x")", "2"}, "null"},
      {{0}, {R"("null")", R"("x")", "2"}, R"("null")"},
      {{}, {"7", R"("x")", "2"}, "null"},
  };
  for (const auto& c : kCases) {
    relation_.identity = c.identity;
    Insert(c.row);
    const std::string expected = R"("entity_id":)" + std::string(c.entity_id) + R"(,"subject":)";
    EXPECT_NE(Payload().find(expected), std::string::npos) << message_.payload;
  }
}

TEST_F(EventTest, RowFormatIsTheBareRow) {
  observer_.format = FindFormat("row");
  observer_.columns = {"id", "status"};
  Insert({"7", R"("new")", "12.50"});
  EXPECT_EQ(Payload(), R"({"id":7,"status":"new"})");
  Update({kUnchangedValue, R"("paid")", "1"});
  EXPECT_EQ(Payload(), R"({"status":"paid"})");
  OldRow({"7", kAbsentValue, kAbsentValue});
  Delete();
  EXPECT_EQ(Payload(), R"({"id":7})");
  change_.operation = Operation::kTruncate;
  EXPECT_EQ(Payload(), "null");
}

TEST_F(EventTest, HeadersAreExactlyThese) {
  Insert({"7", R"("new")", "12.50"});
  change_.position.route = 1;
  transaction_.SetTraceparent("00-1-2-01");
  ASSERT_TRUE(Build().ok());
  EXPECT_EQ(message_.headers,
            "Nats-Msg-Id: 7012345678901234567.16384.00000016B374D848.42.1\r\n"
            "Fraiseql-Position: 16/B374D848:42:1\r\n"
            "Fraiseql-Xid: 771\r\n"
            "Fraiseql-Commit-Time: 2026-01-15T10:30:00.123456Z\r\n"
            "traceparent: 00-1-2-01\r\n"
            "Fraiseql-Table: public.tb_order\r\n"
            "Content-Type: application/json\r\n");
}

TEST_F(EventTest, PayloadIsTheSameWhicheverHeaderHasTheId) {
  Insert({"7", R"("new")", "12.50"});
  const std::string payload = Payload();
  origin_.own_id_header = true;
  EXPECT_EQ(Payload(), payload);
  EXPECT_EQ(message_.headers.find("Fraiseql-Id: 7012345678901234567.16384."), 0u);
}

TEST_F(EventTest, TableNamesAddNoHeaders) {
  relation_ = MakeRelation("a\r\nb", "t\r\nNats-Rollup: all", {"id"});
  Insert({"7"});
  ASSERT_TRUE(Build().ok());
  EXPECT_EQ(FindHeader(message_.headers, "Fraiseql-Table"), "a%0D%0Ab.t%0D%0ANats-Rollup: all");
  EXPECT_EQ(FindHeader(message_.headers, "Nats-Rollup"), "");
}

TEST_F(EventTest, CommitTimeIsKeptWithTheMessage) {
  Insert({"7", R"("new")", "1"});
  ASSERT_TRUE(Build().ok());
  EXPECT_EQ(message_.commit_time_us, change_.commit_time_us);
}

TEST_F(EventTest, DefaultSubjectIsOneTokenForTheEntity) {
  observer_.entity = "sales.Order";
  Insert({"7", R"("new")", "1"});
  EXPECT_EQ(Subject(), "fraiseql.mutation.sales%2EOrder.INSERT");
}

TEST_F(EventTest, SubjectTemplateSeesTheChange) {
  Template("{database}.{schema}.{table}.{entity}.{op}.{column:status}");
  Insert({"7", R"("new")", "1"});
  EXPECT_EQ(Subject(), "shop.public.tb_order.Order.INSERT.new");
  EXPECT_NE(message_.payload.find(R"("subject":"shop.public.tb_order.Order.INSERT.new",)"),
            std::string::npos);
}

TEST_F(EventTest, SubjectTemplateSeesColumnsThatAreNotPublished) {
  Template("orders.{column:status}");
  observer_.columns = {"id"};
  Insert({"7", R"("new")", "1"});
  EXPECT_EQ(Subject(), "orders.new");
}

TEST_F(EventTest, SubjectOfADeleteComesFromTheOldRow) {
  Template("orders.{column:id}");
  OldRow({"7", kAbsentValue, kAbsentValue});
  Delete();
  EXPECT_EQ(Subject(), "orders.7");
}

// It would go where the messages of an empty value go.
TEST_F(EventTest, SubjectOfAValueThatIsNotKnownRejectsTheMessage) {
  Template("orders.{column:id}.{column:status}");
  OldRow({"7", kAbsentValue, kAbsentValue});
  Delete();
  EXPECT_EQ(Build().code(), StatusCode::kRejected);
  EXPECT_EQ(Build().message(),
            "the subject needs column \"status\", whose value is not in the log");
  EXPECT_EQ(message_.subject, "orders.7.%00");
  Update({"7", kUnchangedValue, "1"});
  EXPECT_EQ(Build().code(), StatusCode::kRejected);
  change_.operation = Operation::kTruncate;
  EXPECT_EQ(Build().code(), StatusCode::kRejected);
}

TEST_F(EventTest, NoKeyOfATopicStandsThereTwice) {
  observer_.format = FindFormat("topic");
  relation_.columns[2].name = "new_status";
  relation_.columns[2].json_key = "\"new_status\":";
  OldRow({"7", R"("a")", "1"});
  Update({"7", R"("b")", "2"});
  const std::string payload = Payload();
  const size_t data = payload.find("\"data\":");
  EXPECT_EQ(payload.find("\"new_status\":"), payload.rfind("\"new_status\":", data)) << payload;
  EXPECT_NE(payload.find("\"previous_status\":\"a\""), std::string::npos) << payload;
}

TEST_F(EventTest, SubjectThatCannotBeUsedRejectsTheMessage) {
  Template("orders.{column:status}");
  const std::string long_status = '"' + std::string(3000, 'x') + '"';
  Insert({"7", long_status, "1"});
  const Status status = Build();
  EXPECT_EQ(status.code(), StatusCode::kRejected);
  EXPECT_EQ(status.message(), "subject is longer than 2048 bytes");
  // The message is whole all the same: it can be kept as a dead letter.
  EXPECT_NE(message_.payload.find(R"("entity_id":"7")"), std::string::npos);
  EXPECT_NE(FindHeader(message_.headers, "Nats-Msg-Id"), "");
}

}  // namespace
}  // namespace fraiseql
