// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/jetstream_client.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "black_hole.h"
#include "nats/base/clock.h"
#include "nats/manage/consumer_management.h"
#include "nats/manage/stream_management.h"
#include "nats_server.h"
#include "worker_loop.h"
#include "time_limit.h"

namespace fraiseql::nats::test {
namespace {

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
    EXPECT_LT(SteadyMs() - before, TimeLimit(2000)) << url;
  }
}

TEST(JetStreamClient, ReturnsInTimeFromAServerThatStandsStill) {
  NatsServer server;
  std::unique_ptr<JetStreamClient> js;
  ASSERT_TRUE(JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok());
  server.Pause();
  int64_t before;
  Status status;
  do {  // it may still be able to say that there is no such stream
    before = SteadyMs();
    std::vector<ConsumerInfo> consumers;
    status = ListConsumers(js.get(), "orders", &consumers);
  } while (status.code() == StatusCode::kInvalid);
  server.Resume();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(js->lost());
  EXPECT_LT(SteadyMs() - before, TimeLimit(4000));
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
  while (js->Request("$JS.API.INFO", "", &answer).ok()) {
  }
  std::unique_ptr<JetStreamClient> other;
  EXPECT_FALSE(JetStreamClient::Open(Broker(hole.url()), &cancel, &other).ok());
  EXPECT_LT(SteadyMs() - before, TimeLimit(1000));
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
  EXPECT_LT(SteadyMs() - before, TimeLimit(1000));
}

}  // namespace
}  // namespace fraiseql::nats::test
