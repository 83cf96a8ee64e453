// SPDX-License-Identifier: PostgreSQL
//
// What a sender finds out about the stream before it sends: nothing lost, nothing twice, however
// long ago the stream was left, and in order while nobody else writes to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "broker_probe.h"
#include "nats_server.h"
#include "tcp_proxy.h"
#include "nats/publish/chain.h"
#include "time_limit.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

// The server remembers no id for longer than a moment.
void CreateForgetfulStream(BrokerProbe* probe, const std::string& more = "") {
  probe->CreateStream(R"(,"duplicate_window":100000000)" + more);
}

struct Mode {
  const char* name;
  Exclusive exclusive;
  bool batches = false;
};

StreamSettings With(const Mode& mode) {
  StreamSettings stream;
  stream.exclusive = mode.exclusive;
  stream.allows_batches = mode.batches;
  return stream;
}

StreamSettings With(Exclusive exclusive) { return With(Mode{"", exclusive}); }

// Waits until the server has forgotten the ids of what is stored by now.
void OutliveDeduplication(BrokerProbe* probe) {
  static int probes = 0;
  const std::string id = "probe-" + std::to_string(++probes);
  const int64_t limit = NowMs() + TimeLimit(10000);
  probe->Publish("fraiseql.foreign", id);
  while (probe->Publish("fraiseql.foreign", id).find("duplicate") != std::string::npos) {
    ASSERT_LT(NowMs(), limit);
  }
}

class Resume : public ::testing::TestWithParam<Mode> {};

TEST_P(Resume, SendsNothingTwiceAfterASendersDeath) {
  NatsServer server;
  BrokerProbe probe(server.url());
  CreateForgetfulStream(&probe);
  ResumePoint left;
  {
    WorkerLoop dead(Broker(server.url()), With(GetParam()));
    dead.Produce(100);
    ASSERT_TRUE(dead.RunUntilSettled());
    left = dead.resume_point();  // the last that it has saved
    dead.Produce(900);
    ASSERT_TRUE(dead.RunUntilSettled());
  }
  OutliveDeduplication(&probe);
  WorkerLoop next(Broker(server.url()), With(GetParam()), WorkerLoop::QuickOptions(), left);
  next.BeginWith(101);
  next.Produce(1900);
  ASSERT_TRUE(next.RunUntilSettled());
  EXPECT_EQ(Numbers(&probe), UpTo(2000));
  EXPECT_EQ(next.pipeline.found(), 900u);
  EXPECT_EQ(next.pipeline.sent(), 1000u);
  EXPECT_EQ(next.pipeline.resent(), 0u);
}

TEST_P(Resume, LooksThroughTheWholeStreamWithoutAMark) {
  NatsServer server;
  BrokerProbe probe(server.url());
  CreateForgetfulStream(&probe);
  {
    WorkerLoop dead(Broker(server.url()), With(GetParam()));
    dead.Produce(5000);
    ASSERT_TRUE(dead.RunUntilSettled());
  }
  ResumePoint unknown;
  unknown.mark = StreamMark{};
  unknown.settled_lsn = 2 * 1500 + 1;
  WorkerLoop next(Broker(server.url()), With(GetParam()), WorkerLoop::QuickOptions(), unknown);
  next.BeginWith(1501);
  next.Produce(4500);
  ASSERT_TRUE(next.RunUntilSettled());
  EXPECT_EQ(Numbers(&probe), UpTo(6000));
  EXPECT_EQ(next.pipeline.found(), 3500u);
}

TEST_P(Resume, SendsNothingTwiceAfterALongOutage) {
  NatsServer server;
  TcpProxy proxy(server.port());
  BrokerProbe probe(server.url());
  CreateForgetfulStream(&probe);
  WorkerLoop loop(Broker(proxy.url()), With(GetParam()));
  loop.Produce(40000);
  for (int drops = 1; drops <= 3; ++drops) {
    ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() >= drops * 8000u; }, 30000));
    proxy.Drop();
    OutliveDeduplication(&probe);  // while the loop does not run
  }
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(Numbers(&probe), UpTo(40000));
}

// The stream is full again and again, and has room again while messages are on their way: without
// a look back, those that were refused would be taken for stored.
TEST_P(Resume, FillsTheHolesThatAFullStreamLeaves) {
  NatsServer server;
  BrokerProbe probe(server.url());
  CreateForgetfulStream(&probe, R"(,"max_msgs":300,"discard":"new")");
  WorkerLoop loop(Broker(server.url()), With(GetParam()));
  loop.Produce(3000);
  std::vector<int> seen;
  const auto take = [&] {
    for (const auto& stored : probe.Messages("fraiseql_events")) {
      const int number = std::stoi(stored.payload);
      // What the sender does not know to be stored it looks for.
      if (static_cast<uint64_t>(number) > loop.settled()) continue;
      seen.push_back(number);
      probe.Api("STREAM.MSG.DELETE.fraiseql_events",
                R"({"seq":)" + std::to_string(stored.sequence) + R"(,"no_erase":true})");
    }
  };
  while (loop.settled() < 3000) {
    const uint64_t before = loop.settled();
    ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() > before; }));
    take();
  }
  take();
  const bool in_batches = GetParam().batches && probe.AllowsBatches("fraiseql_events");
  if (GetParam().exclusive == Exclusive::kOff && !in_batches) std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, UpTo(3000));
  EXPECT_GT(loop.pipeline.failures() + loop.pipeline.resent(), 0u);
}

// Not even a hole that another writer's message fills.
TEST_P(Resume, HoldsBesideAnotherWriter) {
  NatsServer server;
  BrokerProbe probe(server.url());
  CreateForgetfulStream(&probe);
  WorkerLoop loop(Broker(server.url()), With(GetParam()));
  loop.Produce(20000);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() >= i * 400u; }));
    probe.Publish("fraiseql.foreign", "");
  }
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(Numbers(&probe), UpTo(20000));
  EXPECT_EQ(loop.pipeline.order_breaks(), 0u);
  // Without a chain, none of them costs another look.
  if (GetParam().exclusive == Exclusive::kOff) {
    EXPECT_EQ(loop.publisher.openings(), 1u);
  }
}

// The look and the first message are tied together, too: what comes in between is not overlooked.
TEST(Exclusivity, FindsWhatComesInLateFromADeadConnection) {
  NatsServer server;
  BrokerProbe probe(server.url());
  CreateForgetfulStream(&probe);
  WorkerLoop dead(Broker(server.url()), With(Exclusive::kOff));
  ASSERT_TRUE(dead.RunUntilOpen());
  WorkerLoop next(Broker(server.url()), With(Exclusive::kOn));
  ASSERT_TRUE(next.RunUntilOpen());
  dead.Produce(1);
  ASSERT_TRUE(dead.RunUntilSettled());
  OutliveDeduplication(&probe);
  next.Produce(2);
  ASSERT_TRUE(next.RunUntilSettled());
  EXPECT_EQ(Numbers(&probe), UpTo(2));
  EXPECT_EQ(next.pipeline.found(), 1u);
}

TEST(Exclusivity, EndsWhenSomebodyElseWrites) {
  NatsServer server;
  BrokerProbe probe(server.url());
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(1000);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_TRUE(loop.publisher.chained());
  probe.Publish("fraiseql.foreign", "");
  loop.Produce(1000);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_FALSE(loop.publisher.chained());
  EXPECT_EQ(loop.pipeline.failures(), 0u);
  EXPECT_EQ(Numbers(&probe), UpTo(2000));
}

TEST(Exclusivity, TiesByIdOnlyWhereOneServerCompares) {
  Exclusivity exclusivity;
  EXPECT_EQ(exclusivity.KindFor(0, 1), Chain::Kind::kMessageId);
  EXPECT_EQ(exclusivity.KindFor(0, 3), Chain::Kind::kSequence);
  exclusivity.SawForeign(0);
  EXPECT_EQ(exclusivity.KindFor(0, 3), Chain::Kind::kNone);
  exclusivity.Configure(Exclusive::kOn);
  EXPECT_EQ(exclusivity.KindFor(0, 1), Chain::Kind::kMessageId);
  EXPECT_EQ(exclusivity.KindFor(0, 3), Chain::Kind::kSequence);
  exclusivity.Configure(Exclusive::kOff);
  EXPECT_EQ(exclusivity.KindFor(0, 1), Chain::Kind::kNone);
}

TEST(Exclusivity, IsTriedAgainAfterAWhileAndMoreSeldomEachTime) {
  Exclusivity exclusivity;
  int64_t now = 0;
  for (const int64_t minutes : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(exclusivity.KindFor(now, 1), Chain::Kind::kMessageId);
    exclusivity.SawForeign(now);
    exclusivity.SawForeign(now + 1);
    now += minutes * 60000;
    EXPECT_EQ(exclusivity.KindFor(now - 1, 1), Chain::Kind::kNone);
  }
}

TEST(Exclusivity, LetsAMessageOfTheLargestSizeThrough) {
  NatsServer server("max_payload: 8192");
  BrokerProbe probe(server.url());
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  loop.payload_bytes = 8192 - 74;
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(Numbers(&probe), UpTo(2));
}

TEST(Loss, IsToldWhenTheStreamWasMadeAgain) {
  NatsServer server;
  BrokerProbe probe(server.url());
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(100);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(loop.pipeline.losses(), 0u);
  probe.Api("STREAM.DELETE.fraiseql_events");
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(loop.pipeline.losses(), 1u);
  EXPECT_EQ(loop.pipeline.loss().message(),
            "stream \"fraiseql_events\" was deleted and recreated, and its messages are gone: "
            "it ended at 100");
}

TEST(Loss, IsToldWhenTheStreamIsShorterThanItWas) {
  NatsServer server;
  ResumePoint left;
  {
    WorkerLoop loop(Broker(server.url()));
    loop.Produce(100);
    ASSERT_TRUE(loop.RunUntilSettled());
    left = loop.resume_point();
  }
  left.mark.sequence = left.seen = 150;  // as if fifty more had been acknowledged
  WorkerLoop next(Broker(server.url()), {}, WorkerLoop::QuickOptions(), left);
  next.BeginWith(151);
  next.Produce(1);
  ASSERT_TRUE(next.RunUntilSettled());
  EXPECT_EQ(next.pipeline.losses(), 1u);
  EXPECT_NE(next.pipeline.loss().message().find("it ended at 150, and now ends at 100"),
            std::string::npos)
      << next.pipeline.loss().message();
}

INSTANTIATE_TEST_SUITE_P(, Resume,
                         ::testing::Values(Mode{"Exclusive", Exclusive::kOn},
                                           Mode{"Shared", Exclusive::kOff},
                                           Mode{"Batches", Exclusive::kAuto, true},
                                           Mode{"SharedBatches", Exclusive::kOff, true}),
                         [](const auto& mode) { return mode.param.name; });

}  // namespace
}  // namespace fraiseql::nats::test
