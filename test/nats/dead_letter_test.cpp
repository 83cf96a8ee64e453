// SPDX-License-Identifier: PostgreSQL
#include "nats/dead_letter.h"

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
  EXPECT_EQ(give_up.reason, "terminated: no\nsense");
  for (const char* text :
       {"", "[]", "{}", R"({"type":"io.nats.jetstream.advisory.v1.max_deliver"})",
        R"({"type":"io.nats.jetstream.advisory.v1.nak","timestamp":"2026-11-23T23:26:36Z",)"
        R"("stream":"ev","consumer":"c","stream_seq":7})"}) {
    EXPECT_FALSE(ParseAdvisory(text, &give_up)) << text;
  }
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
  for (const char* text : {"", "now", "1970-01-01T00:00:01", "1970-01-01T00:00:01+01:00"}) {
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
