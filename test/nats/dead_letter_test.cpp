// SPDX-License-Identifier: PostgreSQL
#include "nats/deadletter/dead_letter.h"

#include <gtest/gtest.h>

#include <string>

namespace fraiseql::nats {
namespace {

constexpr char kMaxDeliver[] =
    R"({"type":"io.nats.jetstream.advisory.v1.max_deliver","id":"Ik1iyol07HiEDAlz7ZaooA",)"
    R"("timestamp":"2026-11-23T23:26:36.618989544Z","stream":"ev","consumer":"c",)"
    R"("stream_seq":7,"deliveries":2})";

TEST(DeadLetter, ReadsAdvisories) {
  GiveUp give_up;
  ASSERT_TRUE(ParseAdvisory(kMaxDeliver, &give_up));
  EXPECT_EQ(DeadLetterId(give_up), "dlq:ev:c:7");
  EXPECT_EQ(give_up.deliveries, 2u);
  EXPECT_EQ(give_up.reason, "max_deliver");
  EXPECT_EQ(give_up.time_ns, 1795476396618989544);
  ASSERT_TRUE(ParseAdvisory(
      R"({"type":"io.nats.jetstream.advisory.v1.terminated","timestamp":"2026-11-23T23:26:36Z",)"
      R"("stream":"ev","consumer":"c","stream_seq":7,"deliveries":1,"reason":"no\nsense"})",
      &give_up));
  EXPECT_EQ(give_up.reason, "terminated: no\\x0Asense");
  for (const char* text :
       {"", "[]", "{}", R"({"type":"io.nats.jetstream.advisory.v1.max_deliver"})",
        R"({"type":"io.nats.jetstream.advisory.v1.max_deliver","timestamp":"9999-11-23T23:26:36Z",)"
        R"("stream":"ev","consumer":"c","stream_seq":7})",
        R"({"type":"io.nats.jetstream.advisory.v1.nak","timestamp":"2026-11-23T23:26:36Z",)"
        R"("stream":"ev","consumer":"c","stream_seq":7})"}) {
    EXPECT_FALSE(ParseAdvisory(text, &give_up)) << text;
  }
}

std::string Advisory(const std::string& stream, const std::string& consumer,
                     const std::string& sequence, const std::string& reason = "x") {
  return R"({"type":"io.nats.jetstream.advisory.v1.terminated","timestamp":"2026-11-23T23:26:36Z",)"
         R"("stream":")" +
         stream + R"(","consumer":")" + consumer + R"(","stream_seq":)" + sequence +
         R"(,"deliveries":1,"reason":")" + reason + "\"}";
}

// Anybody can publish one, and its names become subjects and headers.
TEST(DeadLetter, BelievesNoAdvisoryThatNoServerWrites) {
  GiveUp give_up;
  ASSERT_TRUE(ParseAdvisory(Advisory("ev", "c", "7"), &give_up));
  for (const char* name : {"", "a b", R"(a\r\nNats-Rollup: all)", R"(a\u0000)", "a.b", "a.>", "*",
                           R"(\u001b[2J)", "caf\xC3\xA9"}) {
    EXPECT_FALSE(ParseAdvisory(Advisory(name, "c", "7"), &give_up)) << name;
    EXPECT_FALSE(ParseAdvisory(Advisory("ev", name, "7"), &give_up)) << name;
  }
  EXPECT_FALSE(ParseAdvisory(Advisory("ev", std::string(300, 'c'), "7"), &give_up));
  for (const char* sequence : {"0", "-1", "1.5", "18446744073709551615", "9223372036854775808",
                               "1e3", "\"7\"", "null", "[7]"}) {
    EXPECT_FALSE(ParseAdvisory(Advisory("ev", "c", sequence), &give_up)) << sequence;
  }
}

TEST(DeadLetter, ShortensAProgramsWords) {
  GiveUp give_up;
  ASSERT_TRUE(ParseAdvisory(Advisory("ev", "c", "7", "caf\xC3\xA9"), &give_up));
  EXPECT_EQ(give_up.reason, "terminated: caf\xC3\xA9");
  ASSERT_TRUE(ParseAdvisory(Advisory("ev", "c", "7", std::string(800000, 'x')), &give_up));
  EXPECT_LE(give_up.reason.size(), 600u);
  ASSERT_TRUE(
      ParseAdvisory(Advisory("ev", "c", "7", R"(\u001b[31m\r\nNats-Rollup: all)"), &give_up));
  Message letter;
  WriteDeadLetter(give_up, nullptr, Content::kGone, &letter);
  EXPECT_EQ(FindHeader(letter.headers, "Nats-Rollup"), "");
  EXPECT_EQ(letter.headers.find('\x1B'), std::string::npos);
}

class DeadLetterText : public testing::Test {
 protected:
  DeadLetterText() {
    ParseAdvisory(kMaxDeliver, &give_up);
    original.subject = "fraiseql.order.created";
    original.payload = R"({"order_id":1})";
  }

  GiveUp give_up;
  StoredMessage original;
  Message letter;
};

TEST_F(DeadLetterText, HasTheOriginalAndTheFacts) {
  original.headers =
      "Nats-Msg-Id: 1\r\nnats-rollup: all\r\nFraiseql-Xid: 5\r\nFraiseql-Dlq-Reason: old\r\n"
      "X: a\r\nX: b\r\n";
  give_up.reason = "terminated: no\nsense";
  WriteDeadLetter(give_up, &original, Content::kAll, &letter);
  EXPECT_EQ(letter.headers,
            "Nats-Msg-Id: dlq:ev:c:7\r\nFraiseql-Dlq-Stream: ev\r\nFraiseql-Dlq-Sequence: 7\r\n"
            "Fraiseql-Dlq-Consumer: c\r\nFraiseql-Dlq-Deliveries: 2\r\n"
            "Fraiseql-Dlq-Reason: terminated: no%0Asense\r\n"
            "Fraiseql-Dlq-Subject: fraiseql.order.created\r\nFraiseql-Xid: 5\r\nX: a\r\nX: b\r\n");
  EXPECT_EQ(letter.payload, original.payload);
}

TEST_F(DeadLetterText, IsJsonWithTheFactsIfTheOriginalIsMissing) {
  WriteDeadLetter(give_up, nullptr, Content::kGone, &letter);
  EXPECT_EQ(FindHeader(letter.headers, "Fraiseql-Dlq-Missing"), "gone");
  EXPECT_EQ(FindHeader(letter.headers, "Fraiseql-Dlq-Subject"), "");
  EXPECT_EQ(letter.payload, R"({"dead_letter":{"consumer":"c","deliveries":2,"missing":"gone",)"
                            R"("reason":"max_deliver","sequence":7,"stream":"ev"}})");
  letter.Clear();
  original.headers = "X: a\r\n";
  WriteDeadLetter(give_up, &original, Content::kTooLarge, &letter);
  EXPECT_EQ(FindHeader(letter.headers, "Fraiseql-Dlq-Missing"), "too_large");
  EXPECT_EQ(FindHeader(letter.headers, "Fraiseql-Dlq-Subject"), original.subject);
  EXPECT_EQ(FindHeader(letter.headers, "X"), "");
  EXPECT_NE(letter.payload.find(R"("subject":"fraiseql.order.created")"), std::string::npos);
}

TEST_F(DeadLetterText, IsRecognizedUnlessItWasSentToItsOldSubjectAgain) {
  original.subject = "fraiseql.a%20b";
  EXPECT_FALSE(IsDeadLetter(original, "fraiseql.dlq"));
  WriteDeadLetter(give_up, &original, Content::kAll, &letter);
  StoredMessage stored;
  stored.headers = letter.headers;
  stored.subject = "fraiseql.dlq";
  EXPECT_TRUE(IsDeadLetter(stored, "fraiseql.dlq"));
  EXPECT_TRUE(IsDeadLetter(stored, "another.dlq"));
  stored.subject = original.subject;
  EXPECT_FALSE(IsDeadLetter(stored, "fraiseql.dlq"));
}

TEST(StoredMessage, ParsesTimes) {
  int64_t ns = 0;
  EXPECT_TRUE(ParseTime("1970-01-01T00:00:01Z", &ns));
  EXPECT_EQ(ns, 1000000000);
  EXPECT_TRUE(ParseTime("1970-01-01T00:00:00.12Z", &ns));
  EXPECT_EQ(ns, 120000000);
  for (const char* text :
       {"", "now", "1970-01-01T00:00:01", "1970-01-01T00:00:01+01:00", "1969-12-31T23:59:59Z",
        "2256-01-01T00:00:00Z", "9999-12-31T00:00:00Z"}) {
    EXPECT_FALSE(ParseTime(text, &ns)) << text;
  }
}

TEST(StoredMessage, DecodesBase64) {
  struct Case {
    const char* text;
    std::string data;
  };
  for (const Case& c : {Case{"", ""}, Case{"YQ==", "a"}, Case{"YWI=", "ab"}, Case{"YWJj", "abc"},
                        Case{"+/8A", std::string("\xFB\xFF\0", 3)}}) {
    std::string data;
    EXPECT_TRUE(DecodeBase64(c.text, &data)) << c.text;
    EXPECT_EQ(data, c.data);
  }
  std::string data;
  EXPECT_FALSE(DecodeBase64("YQ", &data));
  EXPECT_FALSE(DecodeBase64("Y Q=", &data));
}

}  // namespace
}  // namespace fraiseql::nats
