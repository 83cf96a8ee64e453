// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/stream_api.h"

#include <gtest/gtest.h>

#include <string>

#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_error.h"

namespace fraiseql::nats {
namespace {

Status Read(const char* text, StreamInfo* info) {
  return ReadStreamInfo(ParseObject(text), "s", info);
}

TEST(JetStreamError, SaysWhatToDo) {
  struct Case {
    int code, err_code;
    StatusCode expected;
  };
  for (const Case& c : {Case{400, 10054, StatusCode::kRejected},
                        {400, 10097, StatusCode::kRejected},
                        {503, 10077, StatusCode::kUnavailable},
                        {400, 10002, StatusCode::kUnavailable},
                        {500, 10047, StatusCode::kUnavailable},
                        {503, 10008, StatusCode::kUnavailable},
                        {429, 10167, StatusCode::kUnavailable},
                        {409, 10158, StatusCode::kUnavailable},
                        {400, 10071, StatusCode::kUnavailable},
                        {400, 10060, StatusCode::kInvalid},
                        {503, 10039, StatusCode::kInvalid},
                        {400, 10065, StatusCode::kInvalid},
                        {400, 10109, StatusCode::kInvalid},
                        {500, 10999, StatusCode::kUnavailable},
                        {429, 0, StatusCode::kUnavailable},
                        {403, 0, StatusCode::kInvalid}}) {
    JetStreamError error;
    error.code = c.code;
    error.err_code = c.err_code;
    EXPECT_EQ(ToStatus(error, "stream").code(), c.expected) << c.code << " " << c.err_code;
  }
}

TEST(JetStreamError, TellsTheServersWordsInPlainAscii) {
  JetStreamError error;
  error.code = 503;
  error.err_code = 10077;
  error.description = "maximum\nb\xC3\xBCtes";
  EXPECT_EQ(ToStatus(error, "stream \"s\"").message(),
            "stream \"s\": maximum\\x0Ab\\xC3\\xBCtes (JetStream error 10077)");
  EXPECT_NE(ToStatus(error, "").hint(), "");
}

TEST(StreamApi, DescribesTheStream) {
  StreamSettings settings;
  settings.name = "orders";
  settings.subjects = {"a.>", "b\"c"};
  settings.storage = Storage::kMemory;
  settings.replicas = 3;
  settings.duplicate_window_ms = 5000;
  settings.max_age_ms = 0;
  settings.max_bytes = -1;
  settings.max_messages = -1;
  EXPECT_EQ(ToText(NewStreamConfig(settings)),
            R"({"discard":"old","duplicate_window":5000000000,"max_age":0,"max_bytes":-1,)"
            R"("max_msgs":-1,"name":"orders","num_replicas":3,)"
            R"("retention":"limits","storage":"memory","subjects":["a.>","b\"c"]})");
}

TEST(StreamApi, UnderstandsAnswers) {
  EXPECT_TRUE(ParseApiAnswer(R"({"config":{"metadata":{"error":"x"}}})", "s").status.ok());
  const ApiAnswer missing = ParseApiAnswer(
      R"({"type":"t","error":{"code":404,"err_code":10059,"description":"stream not found"}})",
      "s");
  EXPECT_EQ(missing.err_code, kStreamNotFound);
  EXPECT_EQ(missing.status.message(), "s: stream not found (JetStream error 10059)");
  const ApiAnswer odd =
      ParseApiAnswer(R"({"error":{"code":"a","err_code":1.5,"description":[]}})", "s");
  EXPECT_FALSE(odd.status.ok());
  EXPECT_NE(odd.err_code, kStreamNotFound);
  for (const char* text : {"", "{", "[]", "7", "\xFF"}) {
    EXPECT_FALSE(ParseApiAnswer(text, "s").status.ok()) << text;
  }
}

TEST(StreamApi, TellsOfAStreamAsItIs) {
  StreamInfo info;
  EXPECT_TRUE(Read(R"({"created":"2026-11-23T23:26:36Z","config":{"num_replicas":3,)"
                   R"("retention":"limits"},"state":{"last_seq":17}})",
                   &info)
                  .ok());
  EXPECT_EQ(info.created, "2026-11-23T23:26:36Z");
  EXPECT_EQ(info.last_sequence, 17u);
  EXPECT_EQ(info.config.replicas, 3);
  EXPECT_TRUE(info.keeps_consumed());
}

TEST(StreamApi, BelievesNoStreamThatCannotBe) {
  for (const char* text :
       {"", "{}", R"({"created":"x"})", R"({"created":"x","state":[]})",
        R"({"created":"x","state":{"last_seq":-1}})", R"({"created":"x","state":{"last_seq":"7"}})",
        R"({"created":"x","state":{"last_seq":18446744073709551615}})",
        R"({"created":"x","state":{"last_seq":1e5}})", R"({"state":{"last_seq":7}})",
        R"({"created":"a b","state":{"last_seq":7}})",
        R"({"created":"a\nb","state":{"last_seq":7}})"}) {
    StreamInfo info;
    EXPECT_EQ(Read(text, &info).code(), StatusCode::kUnavailable) << text;
  }
  StreamInfo info;
  ASSERT_TRUE(Read(R"({"created":"x","config":{"num_replicas":99999999999},)"
                   R"("state":{"last_seq":7}})",
                   &info)
                  .ok());
  EXPECT_EQ(info.config.replicas, 1);
}

TEST(StreamApi, ShowsAServersWordsWithoutControlCharacters) {
  const ApiAnswer reply = ParseApiAnswer(
      R"({"error":{"code":99999999999,"err_code":10059,"description":"\u001b[2J\nFATAL: x"}})",
      "s");
  EXPECT_EQ(reply.status.message(), "s: \\x1B[2J\\x0AFATAL: x (JetStream error 10059)");
}

TEST(StreamApi, SaysThatTheDiskIsFull) {
  const ApiAnswer reply = ParseApiAnswer(
      R"({"error":{"code":503,"err_code":10077,"description":"write: no space left on device"}})",
      "stream");
  EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable);
  EXPECT_NE(reply.status.hint().find("disk"), std::string::npos) << reply.status.hint();
}

TEST(StreamApi, FindsTheOtherStreamInAnyAnswer) {
  EXPECT_EQ(StreamInNames(ParseObject(R"({"streams":["mine","theirs"]})"), "mine"), "theirs");
  for (const char* answer : {"", "[]", "{}", R"({"streams":null})", R"({"streams":[7,"mine"]})"}) {
    EXPECT_EQ(StreamInNames(ParseObject(answer), "mine"), "") << answer;
  }
}

}  // namespace
}  // namespace fraiseql::nats
