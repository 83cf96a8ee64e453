// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/transaction_buffer.h"

#include <gtest/gtest.h>

#include "core/pipeline/notification_set.h"

namespace fraiseql {
namespace {

using Kind = TransactionBuffer::Kind;

// Keeps the payloads of what it is given.
class Recorder final : public MessageReceiver {
 public:
  void BeginTransaction(uint32_t) override {}
  Message* Add() override {
    message_.Clear();
    return &message_;
  }
  void Seal() override { seen.push_back(message_.payload); }
  void EndTransaction(uint64_t end_lsn) override {
    seen.push_back("end " + std::to_string(end_lsn));
  }
  void Reject(const Status& reason) override {
    seen.push_back("refused " + message_.payload + ": " + reason.message());
  }
  void Report(const Status&) override {}
  void Yield() override {}

  std::vector<std::string> seen;

 private:
  Message message_;
};

class TransactionBufferTest : public testing::Test {
 protected:
  void Put(Kind kind, std::string_view topic, const char* payload) {
    Message* message = buffer_.Add(kind, topic);
    if (message == nullptr) return;
    message->payload = payload;
    buffer_.Seal();
  }
  std::vector<std::string> Seen() { return std::move(recorder_.seen); }
  using Expected = std::vector<std::string>;

  Recorder recorder_;
  TransactionBuffer buffer_{&recorder_};
};

TEST_F(TransactionBufferTest, PassesOnAtOnceWhatTakesNoPart) {
  buffer_.Begin();
  Put(Kind::kPlain, "", "a");
  Put(Kind::kNotification, "t", "n");
  EXPECT_EQ(Seen(), (Expected{"a", "n"}));
  buffer_.End(7);
  EXPECT_EQ(Seen(), Expected{"end 7"});
}

TEST_F(TransactionBufferTest, HoldsBackFromTheFirstTopicRowOnAndKeepsTheOrder) {
  buffer_.Begin();
  Put(Kind::kPlain, "", "a");
  Put(Kind::kTopicRow, "t", "row");
  Put(Kind::kPlain, "", "b");
  EXPECT_EQ(Seen(), Expected{"a"});
  buffer_.End(1);
  EXPECT_EQ(Seen(), (Expected{"row", "b", "end 1"}));
}

TEST_F(TransactionBufferTest, ReplacesRowsOfTheTopicBeforeAndBehindTheNotification) {
  buffer_.Begin();
  Put(Kind::kTopicRow, "t", "row 1");
  Put(Kind::kTopicRow, "u", "other");
  Put(Kind::kNotification, "t", "n 1");
  Put(Kind::kTopicRow, "t", "row 2");
  Put(Kind::kNotification, "t", "n 2");
  buffer_.End(1);
  EXPECT_EQ(Seen(), (Expected{"other", "n 1", "n 2", "end 1"}));
}

TEST_F(TransactionBufferTest, ForgetsWithTheTransaction) {
  buffer_.Begin();
  Put(Kind::kNotification, "t", "n");
  buffer_.End(1);
  buffer_.Begin();
  Put(Kind::kTopicRow, "t", "row");
  buffer_.End(2);
  EXPECT_EQ(Seen(), (Expected{"n", "end 1", "row", "end 2"}));
}

TEST_F(TransactionBufferTest, LetsBothOutWhenTheTransactionIsTooLarge) {
  buffer_.SetLimits(2, 1 << 20);
  buffer_.Begin();
  Put(Kind::kTopicRow, "t", "row 1");
  Put(Kind::kTopicRow, "t", "row 2");
  EXPECT_FALSE(buffer_.overflowed());
  Put(Kind::kTopicRow, "t", "row 3");
  EXPECT_TRUE(buffer_.overflowed());
  Put(Kind::kNotification, "t", "n");
  Put(Kind::kTopicRow, "t", "row 4");
  EXPECT_EQ(Seen(), (Expected{"row 1", "row 2", "row 3", "n", "row 4"}));
  buffer_.End(1);
  buffer_.Begin();
  EXPECT_FALSE(buffer_.overflowed());
}

TEST_F(TransactionBufferTest, CountsBytesAsWell) {
  buffer_.SetLimits(100, 10);
  buffer_.Begin();
  Put(Kind::kTopicRow, "t", "0123456789");
  Put(Kind::kTopicRow, "t", "x");
  EXPECT_TRUE(buffer_.overflowed());
  EXPECT_EQ(Seen(), (Expected{"0123456789", "x"}));
}

TEST_F(TransactionBufferTest, TellsOfARefusedMessageInItsPlace) {
  buffer_.Begin();
  Put(Kind::kTopicRow, "t", "row");
  buffer_.Add(Kind::kTopicRow, "t")->payload = "bad";
  buffer_.Reject(Status::Rejected("no"));
  Put(Kind::kPlain, "", "b");
  buffer_.End(1);
  EXPECT_EQ(Seen(), (Expected{"row", "refused bad: no", "b", "end 1"}));
}

TEST_F(TransactionBufferTest, ReplacesRowsAlsoWhenAMessageWasRefused) {
  buffer_.Begin();
  Put(Kind::kTopicRow, "t", "row");
  buffer_.Add(Kind::kPlain, "")->payload = "bad";
  buffer_.Reject(Status::Rejected("no"));
  buffer_.Add(Kind::kTopicRow, "t")->payload = "bad row";
  buffer_.Reject(Status::Rejected("no"));
  Put(Kind::kNotification, "t", "notification");
  buffer_.End(1);
  EXPECT_EQ(Seen(), (Expected{"refused bad: no", "notification", "end 1"}));
}

TEST(NotificationSet, CollapsesTheSamePayloadOnTheSameChannel) {
  NotificationSet set;
  EXPECT_TRUE(set.Insert("c", "x"));
  EXPECT_FALSE(set.Insert("c", "x"));
  EXPECT_TRUE(set.Insert("c", "y"));
  EXPECT_TRUE(set.Insert("cx", ""));
  EXPECT_TRUE(set.Insert("d", "x"));
  set.Clear();
  EXPECT_TRUE(set.Insert("c", "x"));
}

TEST(NotificationSet, StaysBounded) {
  NotificationSet set;
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(set.Insert("c", large + std::to_string(i)));
  EXPECT_TRUE(set.Insert("c", "new"));
  EXPECT_TRUE(set.Insert("c", "new")) << "full: taken for new";
}

}  // namespace
}  // namespace fraiseql
