// SPDX-License-Identifier: PostgreSQL
#include "core/deadletter/dead_letter_record.h"

#include <gtest/gtest.h>

#include "dice.h"

namespace fraiseql {
namespace {

Message Sample() {
  Message message;
  message.position = {0x16B374D848, 42, 1};
  message.commit_time_us = -5;
  message.attempts = 2;
  message.subject = "a.b";
  message.AddHeader("Nats-Msg-Id", "id");
  message.payload = std::string("\0\xFF{}", 4);
  return message;
}

std::string Record(const Message& message, const Status& reason) {
  std::string record;
  AppendDeadLetter(message, reason, 7, &record);
  return record;
}

TEST(DeadLetterRecord, ComesBackAsItWasWithOneMoreAttempt) {
  const Message message = Sample();
  const std::string text = Record(message, Status::Rejected("too large", "Raise it."));
  DeadLetterRecord record;
  ASSERT_TRUE(ParseDeadLetter(text, &record));
  EXPECT_EQ(record.commit_lsn, 0x16B374D848u);
  EXPECT_EQ(record.commit_time_us, -5);
  EXPECT_EQ(record.rejected_at_us, 7);
  EXPECT_EQ(record.attempts, 3u);
  EXPECT_EQ(record.position, "16/B374D848:42:1");
  EXPECT_EQ(record.subject, "a.b");
  EXPECT_EQ(record.headers, "Nats-Msg-Id: id\r\n");
  EXPECT_EQ(record.payload, message.payload);
  EXPECT_EQ(record.reason, "too large");
  EXPECT_EQ(record.hint, "Raise it.");
}

TEST(DeadLetterRecord, IsKnownByItsIdIfItWasNotReadFromTheLog) {
  Message message = Sample();
  message.position = {};
  const std::string text = Record(message, Status::Rejected("x"));
  DeadLetterRecord record;
  ASSERT_TRUE(ParseDeadLetter(text, &record));
  EXPECT_EQ(record.position, "id");
  EXPECT_EQ(record.commit_lsn, 0u);
  message.headers = "Fraiseql-Id: own\r\n";
  const std::string own = Record(message, Status::Rejected("x"));
  ASSERT_TRUE(ParseDeadLetter(own, &record));
  EXPECT_EQ(record.position, "own");
}

// Files are read by later versions than the one that wrote them.
TEST(DeadLetterRecord, IsExactlyThis) {
  Message message;
  message.position = {1, 2, 0};
  message.commit_time_us = 3;
  message.subject = "s";
  const std::string number8(7, '\0');
  std::string expected("\1", 1);
  for (const char byte : {1, 3, 7}) expected += byte + number8;
  expected += std::string("\1\0\0\0", 4);
  for (const std::string field : {"0/1:2", "s", "", "", "r", ""}) {
    expected += static_cast<char>(field.size()) + number8 + field;
  }
  EXPECT_EQ(Record(message, Status::Rejected("r")), expected);
}

TEST(DeadLetterRecord, IsRefusedWhenDamagedOrOfAnotherVersion) {
  const std::string text = Record(Sample(), Status::Rejected("too large"));
  DeadLetterRecord record;
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseDeadLetter(std::string_view(text).substr(0, size), &record));
  }
  EXPECT_FALSE(ParseDeadLetter(text + "x", &record));
  EXPECT_FALSE(ParseDeadLetter("\2" + text.substr(1), &record));
  Dice dice(1);
  for (int i = 0; i < 10000; ++i) {
    std::string broken = text;
    broken[dice.Below(broken.size())] = static_cast<char>(dice.Below(256));
    (void)ParseDeadLetter(broken, &record);  // whatever it says, it reads nothing beyond
  }
}

}  // namespace
}  // namespace fraiseql
