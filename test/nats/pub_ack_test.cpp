// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/pub_ack.h"

#include <gtest/gtest.h>

namespace fraiseql::nats {
namespace {

using Kind = PubAck::Kind;

TEST(PubAck, ReadsWhatIsStored) {
  for (const char* text : {R"({"stream":"ORDERS","seq":17})", R"({"stream":"ORDERS", "seq":17})",
                           R"({"stream":"ORDERS", "seq": 17})", R"({"stream":"ORDERS","seq":17 })",
                           R"({"stream":"ORDERS","domain":"hub","seq":17,"batch":"x"})"}) {
    const PubAck ack = ParsePubAck(text);
    EXPECT_EQ(ack.kind, Kind::kStored) << text;
    EXPECT_EQ(ack.stream, "ORDERS");
    EXPECT_EQ(ack.stream_sequence, 17u);
    EXPECT_FALSE(ack.duplicate);
  }
}

TEST(PubAck, ReadsWhatWasStoredBefore) {
  EXPECT_TRUE(ParsePubAck(R"({"stream":"S","seq":1,"duplicate": true})").duplicate);
  EXPECT_FALSE(ParsePubAck(R"({"stream":"S","seq":1,"duplicate":false})").duplicate);
}

TEST(PubAck, BelievesNoPlaceThatNoStreamHas) {
  EXPECT_EQ(ParsePubAck(R"({"stream":"S","seq":9223372036854775807})").kind, Kind::kStored);
  for (const char* text : {R"({"stream":"S","seq":18446744073709551615})",
                           R"({"stream":"S", "seq":9223372036854775808})",
                           R"({"stream":"S","domain":"d","seq":18446744073709551615})"}) {
    EXPECT_EQ(ParsePubAck(text).kind, Kind::kAbsurd) << text;
  }
  EXPECT_EQ(ParsePubAck(R"({"stream":"S","seq":18446744073709551616})").kind, Kind::kForeign);
  EXPECT_EQ(ParsePubAck(R"({"stream":"S","seq":-1})").kind, Kind::kForeign);
}

TEST(PubAck, ReadsAnswersInABatch) {
  PubAck ack = ParsePubAck(R"({"type":"ack","seq":128,"msgs":64})");
  EXPECT_EQ(ack.kind, Kind::kStoredThrough);
  EXPECT_EQ(ack.batch_count, 128u);
  ack = ParsePubAck(R"({"stream":"S", "seq":900,"batch":"x","count":130})");
  EXPECT_EQ(ack.kind, Kind::kStored);
  EXPECT_EQ(ack.stream_sequence, 900u);
  EXPECT_EQ(ack.batch_count, 130u);
  EXPECT_EQ(ParsePubAck(R"({"type":"gap","last_seq":3,"seq":9})").kind, Kind::kBatchGap);
  ack = ParsePubAck(
      R"({"type":"err","seq":7,"error":{"code":400,"err_code":10054,"description":"d"}})");
  EXPECT_EQ(ack.kind, Kind::kRefused);
  EXPECT_EQ(ack.batch_count, 7u);
  EXPECT_EQ(ack.error.err_code, 10054);
  for (const char* text : {R"({"type":"ack"})", R"({"type":"ack","seq":-1})",
                           R"({"type":"x","seq":1})", R"({"type":"err"})"}) {
    EXPECT_EQ(ParsePubAck(text).kind, Kind::kForeign) << text;
  }
}

TEST(PubAck, ReadsRefusals) {
  const PubAck ack = ParsePubAck(
      R"({"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},)"
      R"("stream":"S","seq":0})");
  EXPECT_EQ(ack.kind, Kind::kRefused);
  EXPECT_EQ(ack.error.code, 503);
  EXPECT_EQ(ack.error.err_code, 10077);
  EXPECT_EQ(ack.error.description, "maximum messages exceeded");
}

TEST(PubAck, LeavesAloneWhatJetStreamDidNotSay) {
  for (const char* text :
       {"", "OK", "+ACK", "{}", R"({"status":"done"})", R"({"error":"no such order"})",
        R"({"error":{"text":"no"}})", R"({"stream":"S"})", R"({"seq":1})",
        R"({"stream":"","seq":1})", R"({"stream":"S","seq":})", R"({"stream":"S)",
        R"({"stream":7,"seq":1})", R"({"stream":"S","seq":"x"})", R"({"error":)", R"({"stream":)",
        R"({"error":{"code":)"}) {
    EXPECT_EQ(ParsePubAck(text).kind, Kind::kForeign) << text;
  }
}

}  // namespace
}  // namespace fraiseql::nats
