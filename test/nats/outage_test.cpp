// SPDX-License-Identifier: PostgreSQL
//
// With a broker that goes away, stands still or forgets: nothing lost, nothing twice, in order.
#include <gtest/gtest.h>

#include <string>

#include "broker_probe.h"
#include "nats_server.h"
#include "tcp_proxy.h"
#include "time_limit.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

void ExpectAllOnceInOrder(const NatsServer& server, size_t count) {
  const auto stored = BrokerProbe(server.url()).Messages("fraiseql_events");
  ASSERT_EQ(stored.size(), count);
  for (size_t i = 0; i < count; ++i) ASSERT_EQ(stored[i].message_id, std::to_string(i + 1));
}

TEST(Outage, WaitsForABrokerThatIsNotThereYet) {
  NatsServer server;
  server.Kill();
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(100);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kUnavailable);
  EXPECT_NE(loop.pipeline.trouble().message().find(server.url()), std::string::npos);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.publisher.connected_url(), "");
  server.Start();
  ASSERT_TRUE(loop.RunUntilSettled());
  ExpectAllOnceInOrder(server, 100);
  EXPECT_EQ(loop.publisher.connects(), 1u);
}

TEST(Outage, TakesTheServerOfTheListThatIsThere) {
  NatsServer server;
  WorkerLoop loop(Broker("nats://127.0.0.1:" + std::to_string(FreePort()) + ", " + server.url()));
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(loop.publisher.connected_url(), server.url());
}

TEST(Outage, LosesNothingWhenTheBrokerIsKilledUnderLoad) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(30000);
  for (int kills = 1; kills <= 3; ++kills) {
    ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() >= kills * 5000u; }));
    server.Kill();
    ASSERT_TRUE(loop.RunUntilTrouble());
    EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kUnavailable);
    server.Start();
  }
  ASSERT_TRUE(loop.RunUntilSettled());
  ExpectAllOnceInOrder(server, 30000);
  EXPECT_EQ(loop.pipeline.order_breaks(), 0u);
}

TEST(Outage, LosesNothingWhenConnectionsAreReset) {
  NatsServer server;
  TcpProxy proxy(server.port());
  WorkerLoop loop(Broker(proxy.url()));
  loop.Produce(40000);
  for (int drops = 1; drops <= 8; ++drops) {
    ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() >= drops * 4000u; }));
    proxy.Drop();
    ASSERT_TRUE(loop.RunUntilTrouble());
  }
  ASSERT_TRUE(loop.RunUntilSettled());
  ExpectAllOnceInOrder(server, 40000);
  EXPECT_EQ(loop.publisher.connects(), 9u);
}

TEST(Outage, GoesOnAfterTheBrokerStoodStill) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(30000);
  ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() >= 5000; }));
  server.Pause();
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_NE(loop.pipeline.trouble().message().find("no acknowledgement"), std::string::npos);
  ASSERT_TRUE(loop.RunUntilTrouble());  // the request for the stream's state, after 2 s
  EXPECT_NE(loop.pipeline.trouble().message().find("does not answer"), std::string::npos);
  EXPECT_LT(loop.longest_turn_ms, TimeLimit(500));
  server.Resume();
  ASSERT_TRUE(loop.RunUntilSettled());
  ExpectAllOnceInOrder(server, 30000);
}

TEST(Outage, CreatesAgainAStreamThatWasDeletedUnderWay) {
  NatsServer server;
  BrokerProbe probe(server.url());
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(30000);
  ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() >= 5000; }));
  probe.Api("STREAM.DELETE.fraiseql_events");
  ASSERT_TRUE(loop.RunUntilSettled());
  const auto stored = probe.Messages("fraiseql_events");
  ASSERT_FALSE(stored.empty());
  // Gone is what was acknowledged before; the rest is there, once and in order.
  const uint64_t first = std::stoull(stored[0].message_id);
  ASSERT_EQ(stored.size(), 30000 - first + 1);
  for (size_t i = 0; i < stored.size(); ++i) {
    ASSERT_EQ(stored[i].message_id, std::to_string(first + i));
  }
  EXPECT_EQ(loop.publisher.connects(), 1u);
}

TEST(Outage, ChangedSettingsTakeEffectEvenDuringAConnect) {
  NatsServer server;
  BrokerSettings nowhere = Broker("nats://127.0.0.1:" + std::to_string(FreePort()));
  WorkerLoop loop(nowhere);
  loop.Produce(10);
  ASSERT_TRUE(loop.RunUntil([&] { return loop.connecting(); }));
  loop.publisher.Configure(Broker(server.url()), Stream());
  loop.pipeline.Restart();
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(loop.pipeline.failures(), 0u);
}

TEST(Outage, RestartingAnOpenSinkLosesNothing) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(20000);
  for (uint64_t settled = 2000; settled < 20000; settled += 2000) {
    ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() >= settled; }));
    if (settled % 4000 == 0) loop.publisher.Configure(Broker(server.url()), Stream());
    loop.pipeline.Restart();
  }
  ASSERT_TRUE(loop.RunUntilSettled());
  ExpectAllOnceInOrder(server, 20000);
  EXPECT_EQ(loop.pipeline.failures(), 0u);
}

}  // namespace
}  // namespace fraiseql::nats::test
