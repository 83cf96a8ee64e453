// SPDX-License-Identifier: PostgreSQL
#include "nats/stream_api.h"

#include <gtest/gtest.h>

#include <string>

#include "nats/jetstream_error.h"

namespace fraiseql::nats {
namespace {

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
            "stream \"s\": maximum?b??tes (JetStream error 10077)");
  EXPECT_NE(ToStatus(error, "").hint(), "");
}

TEST(StreamApi, DescribesTheStream) {
  StreamSettings settings;
  settings.name = "orders";
  settings.subjects = {"a.>", "b\"c"};
  settings.storage = Storage::kMemory;
  settings.replicas = 3;
  settings.duplicate_window_s = 5;
  EXPECT_EQ(StreamInfoSubject("orders"), "$JS.API.STREAM.INFO.orders");
  EXPECT_EQ(StreamCreateSubject("orders"), "$JS.API.STREAM.CREATE.orders");
  EXPECT_EQ(StreamConfig(settings),
            R"({"discard":"old","duplicate_window":5000000000,"max_age":0,"max_bytes":-1,)"
            R"("max_msgs":-1,"name":"orders","num_replicas":3,)"
            R"("retention":"limits","storage":"memory","subjects":["a.>","b\"c"]})");
}

TEST(StreamApi, UnderstandsAnswers) {
  EXPECT_TRUE(ParseApiReply(R"({"config":{"metadata":{"error":"x"}}})", "s").status.ok());
  const ApiReply missing = ParseApiReply(
      R"({"type":"t","error":{"code":404,"err_code":10059,"description":"stream not found"}})",
      "s");
  EXPECT_TRUE(missing.not_found);
  EXPECT_EQ(missing.status.message(), "s: stream not found (JetStream error 10059)");
  const ApiReply odd =
      ParseApiReply(R"({"error":{"code":"a","err_code":1.5,"description":[]}})", "s");
  EXPECT_FALSE(odd.status.ok());
  EXPECT_FALSE(odd.not_found);
  for (const char* text : {"", "{", "[]", "7", "\xFF"}) {
    EXPECT_FALSE(ParseApiReply(text, "s").status.ok()) << text;
  }
}

}  // namespace
}  // namespace fraiseql::nats
