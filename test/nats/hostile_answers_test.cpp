// SPDX-License-Identifier: PostgreSQL
// What asks JetStream's API, when what answers is not JetStream.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker_probe.h"
#include "nats/base/clock.h"
#include "nats/manage/consumer_management.h"
#include "nats/deadletter/dead_letter_index.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/jetstream/message_lookup.h"
#include "nats/manage/stalled_consumers.h"
#include "nats/manage/stream_management.h"
#include "nats/jetstream/stream_tail.h"
#include "nats/jetstream/stream_tail.h"
#include "nats_server.h"
#include "time_limit.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

std::string Nested(size_t depth) {
  return R"({"config":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

// So many consumers on every page, however many were asked for before.
std::string EndlessList() {
  std::string page = R"({"total":18446744073709551615,"consumers":[7)";
  for (int i = 0; i < 5000; ++i) page += R"(,{"name":"\u001b[2J"})";
  return page + "]}";
}

// The library's thread may answer when the test is over.
const std::vector<std::string>& Answers() {
  static const auto* const kAnswers = new std::vector<std::string>{
      "",
      "{",
      "[]",
      "\xFF",
      Nested(300000),
      EndlessList(),
      R"({"error":{}})",
      R"({"error":{"code":[],"err_code":99999999999,"description":{}}})",
      R"({"error":{"code":500,"err_code":1,"description":"\u001b[2J\nFATAL"}})",
      R"({"streams":"x","consumers":"x","config":"x","state":"x","message":"x","api":"x"})",
      R"({"streams":[[]],"consumers":[[],7,null],"config":[],"state":[],"message":[],"total":9})",
      R"({"created":"x\ny","state":{"first_seq":18446744073709551615,"last_seq":18446744073709551615},)"
      R"("config":{"subjects":[7,"a\r\nb",null],"num_replicas":-99999999999,"max_age":"x"}})",
      R"({"message":{"seq":1,"subject":"a","time":"2026-11-23T23:26:36Z","hdrs":"","data":""},)"
      R"("created":"x","state":{"first_seq":1,"last_seq":9223372036854775807}})",
      R"({"message":{"seq":4,"subject":"a","time":"2026-11-23T23:26:36Z"}})",
      R"({"message":{"seq":9,"subject":"a\r\nPUB b 0","time":"2026-11-23T23:26:36Z"}})",
      R"({"message":{"seq":9,"subject":"a","time":"9999-11-23T23:26:36Z"}})",
      R"({"message":{"seq":9,"subject":"a","time":"2026-11-23T23:26:36Z","hdrs":"%%%%","data":"x"}})",
  };
  return *kAnswers;
}

void ExpectClean(const Status& status, const std::string& answer) {
  for (const char c : status.message()) {
    ASSERT_TRUE(c >= ' ' && c < 127) << status.message() << " for " << answer.substr(0, 100);
  }
  ASSERT_LT(status.message().size(), 1500u);
}

class HostileAnswers : public testing::Test {
 protected:
  // Calls `ask` for each answer.  None takes long.
  template <typename Ask>
  void ForEach(Ask ask) {
    for (const std::string& answer : Answers()) {
      BrokerProbe liar(server.url());
      liar.Serve("$JS.API.>", answer.c_str());
      std::unique_ptr<JetStreamClient> js;
      ASSERT_TRUE(JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok());
      const int64_t begin = SteadyMs();
      const Status status = ask(js.get(), answer);
      EXPECT_LT(SteadyMs() - begin, TimeLimit(5000)) << answer.substr(0, 100);
      ExpectClean(status, answer);
    }
  }

  NatsServer server{"", /*jetstream=*/""};
};

TEST_F(HostileAnswers, DoNoHarmToTheStreamsManagement) {
  ForEach([](JetStreamClient* js, const std::string& answer) {
    StreamInfo info;
    (void)GetStreamInfo(js, "events", &info);
    StreamSpec spec;
    spec.name = "events";
    spec.subjects = {"fraiseql.>"};
    Differences outcome;
    // To look again and again whether a change has come true takes a second.
    const bool change = answer.find("num_replicas") != std::string::npos;
    return EnsureStream(js, spec, change ? EnsureMode::kUpdate : EnsureMode::kCreate, &outcome);
  });
}

TEST_F(HostileAnswers, DoNoHarmToConsumers) {
  ForEach([](JetStreamClient* js, const std::string&) {
    ConsumerSpec spec;
    spec.name = "clerk";
    ConsumerChange change;
    (void)EnsureConsumer(js, "events", spec, &change);
    StalledConsumers stalled;
    (void)stalled.Check(js, "events", SteadyMs());
    std::vector<ConsumerInfo> consumers;
    Status status = ListConsumers(js, "events", &consumers);
    EXPECT_LE(consumers.size(), 60000u);
    for (const ConsumerInfo& consumer : consumers) {
      EXPECT_EQ(consumer.config.name.find('\x1B'), std::string::npos);
    }
    return status;
  });
}

TEST_F(HostileAnswers, DoNotKeepTheLookAtTheTail) {
  ForEach([](JetStreamClient* js, const std::string&) {
    TailQuery query;
    query.stream = "events";
    query.origin = "77.5";
    query.likely = "fraiseql.mutation.>";
    query.asked_subject = "fraiseql.gap";
    StreamTail tail;
    return LookAtTail(js, query, &tail);
  });
}

TEST_F(HostileAnswers, GiveNoMessageThatCannotBe) {
  ForEach([](JetStreamClient* js, const std::string&) {
    std::optional<StoredMessage> message;
    const Status status = GetNextMessage(js, "events", 5, ">", &message);
    EXPECT_FALSE(message.has_value());
    (void)GetMessage(js, "events", 5, &message);
    EXPECT_FALSE(message.has_value());
    return status;
  });
}

TEST_F(HostileAnswers, KeepNobodyLookingForEver) {
  ForEach([](JetStreamClient* js, const std::string&) {
    StreamTail tail;
    (void)LookAtTail(js, {"events", "77.5.", "fraiseql.mutation.>", "fraiseql.gap"}, &tail);
    DeadLetterIndex index(js, "events", "fraiseql.dlq");
    return index.Cover(1700000000000000000);
  });
}

}  // namespace
}  // namespace fraiseql::nats::test
