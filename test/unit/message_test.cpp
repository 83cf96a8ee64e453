// SPDX-License-Identifier: PostgreSQL
#include "core/change/message.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

using namespace std::string_view_literals;

TEST(Message, AddsHeadersAsOnTheWire) {
  Message message;
  message.AddHeader("Nats-Msg-Id", "1.2");
  message.AddHeader("Empty", "");
  EXPECT_EQ(message.headers, "Nats-Msg-Id: 1.2\r\nEmpty: \r\n");
}

TEST(Message, CountsSubjectHeadersAndPayload) {
  Message message;
  EXPECT_EQ(message.size(), 0u);
  message.subject = "abc";
  message.headers = "A: b\r\n";
  message.payload = "{}";
  EXPECT_EQ(message.size(), 11u);
}

TEST(Message, ClearKeepsTheBuffers) {
  Message message;
  message.position = {1, 2, 3};
  message.commit_time_us = 4;
  message.subject = message.headers = message.payload = std::string(1000, 'x');
  message.Clear();
  EXPECT_EQ(message.size(), 0u);
  EXPECT_EQ(message.position, Position{});
  EXPECT_EQ(message.commit_time_us, 0);
  EXPECT_GE(message.subject.capacity(), 1000u);
  EXPECT_GE(message.headers.capacity(), 1000u);
  EXPECT_GE(message.payload.capacity(), 1000u);
}

TEST(Message, ClearGivesLargeBuffersBack) {
  Message message;
  message.payload = std::string(2 * kKeptBufferBytes, 'x');
  message.Clear();
  EXPECT_LE(message.payload.capacity(), kKeptBufferBytes);
}

TEST(Message, ReservesHeadersThatOthersActOn) {
  for (const std::string_view name : {"Nats-Rollup", "nats-msg-id", "NATS-", "Fraiseql-Xid",
                                      "fraiseql-x", "Status", "description"}) {
    EXPECT_TRUE(IsReservedHeader(name)) << name;
  }
  for (const std::string_view name : {"Nats", "X-Nats-Y", "Statuses", "A", "", "traceparent"}) {
    EXPECT_FALSE(IsReservedHeader(name)) << name;
  }
}

TEST(Message, AllowsPrintableAsciiInHeaderNames) {
  EXPECT_TRUE(IsHeaderName("Nats-Msg-Id"));
  EXPECT_TRUE(IsHeaderName("!"));
  EXPECT_TRUE(IsHeaderName("~"));
  EXPECT_FALSE(IsHeaderName(""));
  for (const std::string_view bad :
       {":"sv, " "sv, "\r"sv, "\n"sv, "\t"sv, "\0"sv, "\x7F"sv, "é"sv}) {
    EXPECT_FALSE(IsHeaderName("a" + std::string(bad) + "b")) << bad;
  }
}

TEST(Message, AllowsAllButLineBreaksAndNulInHeaderValues) {
  EXPECT_TRUE(IsHeaderValue(""));
  EXPECT_TRUE(IsHeaderValue("a: b\té"));
  for (const std::string_view bad : {"\r"sv, "\n"sv, "\0"sv}) {
    EXPECT_FALSE(IsHeaderValue("a" + std::string(bad) + "b"));
  }
}

TEST(Message, EncodesLineBreaksNulAndPercentInHeaderValues) {
  std::string value = "=";
  AppendHeaderValue("a\r\nb: 100%\0\t é"sv, &value);
  EXPECT_EQ(value, "=a%0D%0Ab: 100%25%00\t é");
  EXPECT_TRUE(IsHeaderValue(value));
}

TEST(Message, FindsTheFirstHeaderOfTheExactName) {
  const std::string_view headers =
      "Nats-Msg-Id-Old: 1\r\nNats: 2\r\nNats-Msg-Id: a: b\r\nNats-Msg-Id: second\r\nLast: 3";
  EXPECT_EQ(FindHeader(headers, "Nats-Msg-Id"), "a: b");
  EXPECT_EQ(FindHeader(headers, "Nats-Msg-Id-Old"), "1");
  EXPECT_EQ(FindHeader(headers, "Nats"), "2");
  EXPECT_EQ(FindHeader(headers, "Last"), "3");
}

TEST(Message, HasItsIdInOneOfTwoHeaders) {
  EXPECT_EQ(MessageIdOf("Fraiseql-Id: 1\r\nNats-Msg-Id: 2\r\n"), "2");
  EXPECT_EQ(MessageIdOf("A: 1\r\nFraiseql-Id: 2\r\n"), "2");
  EXPECT_EQ(MessageIdOf("Fraiseql-Batch: 1\r\n"), "");
}

TEST(Message, FindsNothingWhereThereIsNoSuchHeader) {
  EXPECT_EQ(FindHeader("", "A"), "");
  EXPECT_EQ(FindHeader("A: 1\r\n", "B"), "");
  EXPECT_EQ(FindHeader("A: 1\r\n", "a"), "");
  EXPECT_EQ(FindHeader("B: A: 1\r\n", "A"), "");
  EXPECT_EQ(FindHeader("Empty: \r\nA: 1\r\n", "Empty"), "");
}

}  // namespace
}  // namespace fraiseql
