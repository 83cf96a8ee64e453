// SPDX-License-Identifier: PostgreSQL
#include "core/format/logged_message.h"

#include <gtest/gtest.h>

#include "dice.h"

namespace fraiseql {
namespace {

using namespace std::string_view_literals;

std::string Body(const LoggedMessage& message) {
  std::string body;
  AppendLoggedMessage(message, &body);
  return body;
}

LoggedMessage Publish(std::string_view subject, std::string_view message_id,
                      std::string_view headers, std::string_view payload) {
  LoggedMessage message;
  message.subject = subject;
  message.message_id = message_id;
  message.headers = headers;
  message.payload = payload;
  return message;
}

LoggedMessage Trace(std::string_view traceparent) {
  LoggedMessage message;
  message.kind = LoggedKind::kTrace;
  message.traceparent = traceparent;
  return message;
}

LoggedMessage Snapshot(uint32_t relation, std::string_view observer, std::string_view tuple) {
  LoggedMessage message;
  message.kind = LoggedKind::kSnapshot;
  message.relation = relation;
  message.observer = observer;
  message.tuple = tuple;
  return message;
}

LoggedMessage Retry(LoggedMessage message, uint32_t attempts) {
  message.kind = LoggedKind::kRetry;
  message.attempts = attempts;
  return message;
}

void ExpectSame(const LoggedMessage& a, const LoggedMessage& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.subject, b.subject);
  EXPECT_EQ(a.message_id, b.message_id);
  EXPECT_EQ(a.headers, b.headers);
  EXPECT_EQ(a.payload, b.payload);
  EXPECT_EQ(a.traceparent, b.traceparent);
  EXPECT_EQ(a.relation, b.relation);
  EXPECT_EQ(a.observer, b.observer);
  EXPECT_EQ(a.tuple, b.tuple);
  EXPECT_EQ(a.attempts, b.attempts);
}

// The log is read by later versions than the one that wrote it.
TEST(LoggedMessage, IsExactlyThis) {
  EXPECT_EQ(Body(Publish("a.b", "", "A: b\r\n", "{}")),
            "\1P\3\0\0\0a.b\0\0\0\0\6\0\0\0A: b\r\n\2\0\0\0{}\0\0\0\0"sv);
  EXPECT_EQ(Body(Retry(Publish("a.b", "i", "", "x"), 12)),
            "\1R\3\0\0\0a.b\1\0\0\0i\0\0\0\0\1\0\0\0x\0\0\0\0\14\0\0\0"sv);
  EXPECT_EQ(Body(Trace("00-1")),
            "\1T\4\0\0\0"
            "00-1"sv);
  EXPECT_EQ(Body(Snapshot(0x01020304, "o", "row")), "\1S\4\3\2\1\1\0\0\0o\3\0\0\0row"sv);
}

TEST(LoggedMessage, ComesBackAsItWas) {
  Dice dice(1);
  for (const size_t size : {0, 1, 255, 256, 65536, 70000}) {
    const std::string bytes = dice.Bytes(size);
    for (const LoggedMessage& message :
         {Publish("s.t", "", "A: b\r\nC-D: \r\n", bytes), Publish("s", "id", "", "p"), Trace(bytes),
          Snapshot(0xFFFFFFFF, "o", bytes), Snapshot(0, bytes, ""),
          Retry(Publish("s", "id", "Fraiseql-Xid: 1\r\n", bytes), UINT32_MAX)}) {
      const std::string body = Body(message);
      LoggedMessage parsed = Publish("not", "cleared", "yet", "?");
      ASSERT_TRUE(ParseLoggedMessage(body, &parsed).ok());
      ExpectSame(parsed, message);
    }
  }
}

// Whoever knows the prefix can write anything.
TEST(LoggedMessage, RefusesWhatPublishDoesNotTake) {
  for (const LoggedMessage& forged :
       {Publish("", "", "", ""), Publish("$JS.API.INFO", "", "", ""), Publish("a b", "", "", ""),
        Publish("a", "x\r\ny: z", "", ""), Publish("a", "", "Nats-Rollup: all\r\n", ""),
        Publish("a", "", "nats-expected-last-sequence: 1\r\n", ""),
        Publish("a", "", "Fraiseql-Position: 0/1:1\r\n", ""),
        Publish("a", "", "Status: 503\r\n", ""), Publish("a", "", "A: b", ""),
        Publish("a", "", "A: b\r\n\r\n", ""), Publish("a", "", "A b: c\r\n", ""),
        Publish("a", "", "A:\r\nB: c\r\n", ""),
        Retry(Publish("a", "i", "Nats-Rollup: all\r\n", ""), 1)}) {
    LoggedMessage parsed;
    EXPECT_FALSE(ParseLoggedMessage(Body(forged), &parsed).ok())
        << forged.subject << "|" << forged.message_id << "|" << forged.headers;
  }
}

TEST(LoggedMessage, RefusesAnotherVersion) {
  LoggedMessage parsed;
  for (const std::string_view body : {""sv, "\1"sv, "\2P\0\0\0\0"sv, "PP"sv}) {
    const Status status = ParseLoggedMessage(body, &parsed);
    EXPECT_EQ(status.code(), StatusCode::kInvalid);
    EXPECT_EQ(status.message(), "logical message of an unknown version");
  }
}

TEST(LoggedMessage, RefusesWhatIsDamaged) {
  LoggedMessage parsed;
  for (const LoggedMessage& message :
       {Publish("a.b", "id", "A: b\r\n", "{}"), Retry(Publish("a.b", "id", "A: b\r\n", "{}"), 1),
        Trace("00-1"), Snapshot(1, "o", "row")}) {
    const std::string body = Body(message);
    for (size_t size = 2; size < body.size(); ++size) {
      EXPECT_FALSE(ParseLoggedMessage(body.substr(0, size), &parsed).ok()) << size;
    }
    EXPECT_FALSE(ParseLoggedMessage(body + "x", &parsed).ok());
  }
  for (const std::string_view body :
       {"\1X\0\0\0\0"sv, "\1T\xFF\xFF\xFF\xFF"sv, "\1T\0\0\0\x80"sv}) {
    EXPECT_EQ(ParseLoggedMessage(body, &parsed).message(), "logical message is damaged");
  }
}

}  // namespace
}  // namespace fraiseql
