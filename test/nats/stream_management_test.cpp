// SPDX-License-Identifier: PostgreSQL
#include "nats/stream_management.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "black_hole.h"
#include "broker_probe.h"
#include "nats/clock.h"
#include "nats/consumer_management.h"
#include "nats/jetstream_client.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

StreamSpec Orders() {
  StreamSpec spec;
  spec.name = "orders";
  spec.subjects = {"orders.>"};
  return spec;
}

std::vector<std::string> Fields(const StreamOutcome& outcome) {
  std::vector<std::string> fields;
  for (const Difference& difference : outcome.differences) fields.push_back(difference.field);
  return fields;
}

class StreamManagement : public testing::Test {
 protected:
  StreamManagement() {
    if (!JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok()) std::abort();
  }

  StreamInfo Info() {
    StreamInfo info;
    EXPECT_TRUE(GetStreamInfo(js.get(), "orders", &info).ok());
    return info;
  }
  Status Ensure(const StreamSpec& spec, EnsureMode mode) {
    return EnsureStream(js.get(), spec, mode, &outcome);
  }

  NatsServer server;
  std::unique_ptr<JetStreamClient> js;
  StreamOutcome outcome;
};

TEST_F(StreamManagement, CreatesWhatIsMissingWithTheServersDefaults) {
  ASSERT_TRUE(Ensure(Orders(), EnsureMode::kCreate).ok());
  EXPECT_TRUE(outcome.created);
  const StreamInfo info = Info();
  EXPECT_EQ(info.config.subjects, Orders().subjects);
  EXPECT_EQ(info.config.storage, Storage::kFile);
  EXPECT_EQ(info.config.retention, Retention::kLimits);
  EXPECT_EQ(info.config.discard, Discard::kOld);
  EXPECT_EQ(info.config.replicas, 1);
  EXPECT_EQ(info.config.max_age_ms, 0);
  EXPECT_EQ(info.config.max_bytes, -1);
  EXPECT_EQ(info.config.max_messages, -1);
  EXPECT_EQ(info.config.duplicate_window_ms, 120000);
  EXPECT_EQ(info.created.substr(0, 2), "20");
  ASSERT_TRUE(Ensure(Orders(), EnsureMode::kCreate).ok());
  EXPECT_FALSE(outcome.created);
  EXPECT_TRUE(outcome.differences.empty());
}

TEST_F(StreamManagement, CreatesAsWanted) {
  StreamSpec spec = Orders();
  spec.storage = Storage::kMemory;
  spec.retention = Retention::kWorkQueue;
  spec.max_age_ms = 3600000;
  spec.max_bytes = 1 << 20;
  spec.max_messages = 1000;
  spec.duplicate_window_ms = 500;
  spec.discard = Discard::kNew;
  spec.replicas = 1;
  ASSERT_TRUE(Ensure(spec, EnsureMode::kUpdate).ok());
  EXPECT_TRUE(outcome.created);
  const StreamInfo info = Info();
  EXPECT_EQ(info.config.storage, Storage::kMemory);
  EXPECT_EQ(info.config.retention, Retention::kWorkQueue);
  EXPECT_EQ(info.config.max_age_ms, 3600000);
  EXPECT_EQ(info.config.max_bytes, 1 << 20);
  EXPECT_EQ(info.config.max_messages, 1000);
  EXPECT_EQ(info.config.duplicate_window_ms, 500);
  EXPECT_EQ(info.config.discard, Discard::kNew);
  ASSERT_TRUE(Ensure(spec, EnsureMode::kVerify).ok());
  EXPECT_TRUE(outcome.differences.empty());
}

TEST_F(StreamManagement, ChangesWhatIsWantedAndKeepsAllElse) {
  BrokerProbe probe(server.url());
  probe.Api("STREAM.CREATE.orders",
            R"({"name":"orders","subjects":["other.>","orders.a"],"storage":"memory",)"
            R"("retention":"limits","max_msg_size":1234,"allow_rollup_hdrs":true,)"
            R"("max_msgs":10,"description":"kept"})");
  StreamSpec spec = Orders();
  spec.storage = Storage::kFile;
  spec.max_messages = 20;
  spec.max_age_ms = 600000;
  const std::vector<std::string> differing = {"subjects", "max_age", "max_msgs", "storage"};
  for (const EnsureMode mode : {EnsureMode::kVerify, EnsureMode::kCreate}) {
    ASSERT_TRUE(Ensure(spec, mode).ok());
    EXPECT_EQ(Fields(outcome), differing);
    for (const Difference& difference : outcome.differences) EXPECT_FALSE(difference.changed);
    EXPECT_EQ(Info().config.max_messages, 10);
  }
  ASSERT_TRUE(Ensure(spec, EnsureMode::kUpdate).ok());
  EXPECT_FALSE(outcome.created);
  ASSERT_EQ(Fields(outcome), differing);
  for (const Difference& difference : outcome.differences) {
    EXPECT_EQ(difference.changed, difference.field != "storage") << difference.field;
  }
  EXPECT_EQ(outcome.differences[1].wanted, "600 s");
  EXPECT_EQ(outcome.differences[1].found, "0 s");
  EXPECT_EQ(outcome.differences[3].found, "memory");
  const StreamInfo info = Info();
  EXPECT_EQ(info.config.subjects, (std::vector<std::string>{"other.>", "orders.>"}));
  EXPECT_EQ(info.config.max_messages, 20);
  EXPECT_EQ(info.config.max_age_ms, 600000);
  const std::string raw = probe.Api("STREAM.INFO.orders");
  for (const char* kept : {"1234", "\"allow_rollup_hdrs\":true", "kept"}) {
    EXPECT_NE(raw.find(kept), std::string::npos) << kept;
  }
  ASSERT_TRUE(Ensure(spec, EnsureMode::kUpdate).ok());
  EXPECT_EQ(Fields(outcome), (std::vector<std::string>{"storage"}));
}

TEST_F(StreamManagement, TellsWhatIsMissingAndAsksNothingIfOff) {
  EXPECT_EQ(Ensure(Orders(), EnsureMode::kVerify).code(), StatusCode::kInvalid);
  EXPECT_TRUE(Ensure(Orders(), EnsureMode::kOff).ok());
  StreamInfo info;
  const Status status = GetStreamInfo(js.get(), "orders", &info);
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_EQ(status.message(), "stream \"orders\": stream not found (JetStream error 10059)");
}

TEST_F(StreamManagement, RefusesADuplicateWindowLongerThanMaxAge) {
  StreamSpec spec = Orders();
  spec.max_age_ms = 60000;
  spec.duplicate_window_ms = 300000;
  const Status status = Ensure(spec, EnsureMode::kUpdate);
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_EQ(status.message(),
            "stream \"orders\": duplicate window of 300 s is longer than max_age of 60 s");
  EXPECT_NE(status.hint(), "");
  EXPECT_EQ(Ensure(Orders(), EnsureMode::kVerify).code(), StatusCode::kInvalid);  // not created

  spec.duplicate_window_ms.reset();
  ASSERT_TRUE(Ensure(Orders(), EnsureMode::kCreate).ok());  // with a window of two minutes
  EXPECT_EQ(Ensure(spec, EnsureMode::kUpdate).code(), StatusCode::kInvalid);
  EXPECT_EQ(Info().config.max_age_ms, 0);
  spec.duplicate_window_ms = 60000;
  EXPECT_TRUE(Ensure(spec, EnsureMode::kUpdate).ok());
}

TEST_F(StreamManagement, ReportsWhatTheServerRefuses) {
  StreamSpec other = Orders();
  other.name = "other";
  ASSERT_TRUE(Ensure(other, EnsureMode::kCreate).ok());
  const Status overlap = Ensure(Orders(), EnsureMode::kCreate);
  EXPECT_EQ(overlap.code(), StatusCode::kInvalid);
  EXPECT_NE(overlap.message().find("10065"), std::string::npos);
  StreamSpec replicated = Orders();
  replicated.subjects = {"replicated"};
  replicated.replicas = 3;
  const Status status = Ensure(replicated, EnsureMode::kCreate);
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_NE(status.hint().find("cluster"), std::string::npos);
  for (const char* name : {"", "a.b", "a b", "a*", ">"}) {
    StreamSpec misnamed = Orders();
    misnamed.name = name;
    EXPECT_EQ(Ensure(misnamed, EnsureMode::kCreate).code(), StatusCode::kInvalid) << name;
  }
}

// Several databases start at the same time, each with subjects of its own.
TEST_F(StreamManagement, LosesNobodysSubjectsWhenManyEnsureAtOnce) {
  for (int round = 0; round < 5; ++round) {
    BrokerProbe(server.url()).Api("STREAM.DELETE.orders");
    std::vector<std::thread> threads;
    std::vector<Status> results(6);
    for (size_t i = 0; i < results.size(); ++i) {
      threads.emplace_back([this, i, &results] {
        StreamSpec spec = Orders();
        spec.subjects = {"orders.all.>", "orders." + std::to_string(i)};
        results[i] = WithJetStream(Broker(server.url()), [&](JetStreamClient* client) {
          StreamOutcome ignored;
          return EnsureStream(client, spec, EnsureMode::kUpdate, &ignored);
        });
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Status& result : results) EXPECT_TRUE(result.ok()) << result.message();
    EXPECT_EQ(Info().config.subjects.size(), results.size() + 1);
  }
}

TEST(JetStreamClient, ReturnsInTimeWithoutABroker) {
  const BlackHole silent("");
  const BlackHole tls(BlackHole::kTlsGreeting);
  const std::string nobody = "nats://127.0.0.1:" + std::to_string(FreePort());
  for (const std::string& url : {nobody, silent.url(), tls.url()}) {
    BrokerSettings broker = Broker(url);
    broker.connect_timeout_ms = 300;
    const int64_t before = SteadyMs();
    const Status status =
        WithJetStream(broker, [](JetStreamClient*) { return Status::Internal("connected"); });
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.message();
    EXPECT_NE(status.message().find(url), std::string::npos);
    EXPECT_LT(SteadyMs() - before, 2000) << url;
  }
}

TEST(JetStreamClient, ReturnsInTimeFromAServerThatStandsStill) {
  NatsServer server;
  std::unique_ptr<JetStreamClient> js;
  ASSERT_TRUE(JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok());
  server.Pause();
  const int64_t before = SteadyMs();
  std::vector<ConsumerInfo> consumers;
  const Status status = ListConsumers(js.get(), "orders", &consumers);
  server.Resume();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(js->lost());
  EXPECT_LT(SteadyMs() - before, 4000);
}

TEST(JetStreamClient, SaysThatJetStreamIsOff) {
  NatsServer server("", "");
  StreamInfo info;
  const Status status = WithJetStream(Broker(server.url()), [&](JetStreamClient* js) {
    return GetStreamInfo(js, "orders", &info);
  });
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_NE(status.hint().find("JetStream may be disabled"), std::string::npos);
}

TEST(JetStreamClient, ReturnsAtOnceWhenItIsCancelled) {
  const BlackHole hole("");
  NatsServer server;
  EventFd cancel;
  std::unique_ptr<JetStreamClient> js;
  ASSERT_TRUE(JetStreamClient::Open(Broker(server.url()), &cancel, &js).ok());
  std::thread canceller([&cancel] {
    poll(nullptr, 0, 100);
    cancel.Raise();
  });
  server.Pause();
  const int64_t before = SteadyMs();
  std::string answer;
  EXPECT_FALSE(js->Request("$JS.API.INFO", "", &answer).ok());
  std::unique_ptr<JetStreamClient> other;
  EXPECT_FALSE(JetStreamClient::Open(Broker(hole.url()), &cancel, &other).ok());
  EXPECT_LT(SteadyMs() - before, 1000);
  canceller.join();
  server.Resume();
}

TEST(JetStreamClient, SaysWhatIsNotPermitted) {
  NatsServer server(
      "authorization: {users: [{user: u, password: p, "
      "permissions: {publish: {deny: [\"$JS.API.STREAM.>\"]}}}]}");
  const std::string url = "nats://u:p@127.0.0.1:" + std::to_string(server.port());
  StreamInfo info;
  const int64_t before = SteadyMs();
  const Status status = WithJetStream(
      Broker(url), [&](JetStreamClient* js) { return GetStreamInfo(js, "orders", &info); });
  EXPECT_EQ(status.code(), StatusCode::kInvalid);
  EXPECT_NE(status.message().find("STREAM.INFO.orders"), std::string::npos) << status.message();
  EXPECT_LT(SteadyMs() - before, 1000);
}

}  // namespace
}  // namespace fraiseql::nats::test
