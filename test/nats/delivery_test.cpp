// SPDX-License-Identifier: PostgreSQL
//
// With a broker that is there all the time: what arrives, and what is refused.
#include <gtest/gtest.h>

#include <string>

#include "broker_probe.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

TEST(Delivery, StoresEveryMessageOnceInOrder) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(20000);
  ASSERT_TRUE(loop.RunUntilSettled()) << loop.pipeline.trouble().message();
  const auto stored = BrokerProbe(server.url()).Messages("fraiseql_events");
  ASSERT_EQ(stored.size(), 20000u);
  for (size_t i = 0; i < stored.size(); ++i) {
    ASSERT_EQ(stored[i].message_id, std::to_string(i + 1));
    ASSERT_EQ(stored[i].payload.substr(0, stored[i].payload.find(' ')), std::to_string(i + 1));
  }
  EXPECT_EQ(stored[0].subject, "fraiseql.test.row");
  EXPECT_EQ(loop.pipeline.failures(), 0u);
  EXPECT_EQ(loop.pipeline.resent(), 0u);
  EXPECT_EQ(loop.publisher.connected_url(), server.url());
}

TEST(Delivery, KeepsHeadersAndPayloadAsTheyAre) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.extra_headers = "Colons: a: b:c\r\nTwice: 1\r\nTwice: 2\r\nUtf8: \xC3\xA9\r\n";
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  const auto stored = BrokerProbe(server.url()).Messages("fraiseql_events");
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_EQ(stored[0].payload, "1 " + std::string(98, 'x'));
  for (const char* header :
       {"Colons=a: b:c;", "Twice=1;Twice=2;", "Utf8=\xC3\xA9;", "Nats-Msg-Id=1;"}) {
    EXPECT_NE(stored[0].all_headers.find(header), std::string::npos) << stored[0].all_headers;
  }
}

TEST(Delivery, CreatesTheMissingStreamAsConfigured) {
  NatsServer server;
  StreamSettings stream;
  stream.name = "orders";
  stream.subjects = {"fraiseql.>", "orders.*"};
  stream.storage = Storage::kMemory;
  stream.duplicate_window_ms = 7000;
  WorkerLoop loop(Broker(server.url()), stream);
  ASSERT_TRUE(loop.RunUntilOpen());
  const std::string info = BrokerProbe(server.url()).Api("STREAM.INFO.orders");
  EXPECT_NE(info.find(R"("subjects":["fraiseql.\u003e","orders.*"])"), std::string::npos) << info;
  EXPECT_NE(info.find(R"("storage":"memory")"), std::string::npos);
  EXPECT_NE(info.find(R"("duplicate_window":7000000000)"), std::string::npos);
}

TEST(Delivery, UsesTheStreamThatExists) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.Api("STREAM.CREATE.fraiseql_events",
            R"({"name":"fraiseql_events","subjects":["fraiseql.>"],"max_msgs":7})");
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(10);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(probe.Messages("fraiseql_events").size(), 7u);
}

TEST(Delivery, LeavesAMissingStreamToTheOperatorIfToldSo) {
  NatsServer server;
  StreamSettings stream;
  stream.create = false;
  WorkerLoop loop(Broker(server.url()), stream);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kInvalid);
  EXPECT_EQ(loop.pipeline.trouble().message(),
            "stream \"fraiseql_events\": stream not found (JetStream error 10059)");
}

// Without a box for dead letters it blocks, until the stream takes it.
TEST(Delivery, RejectsASubjectThatTheStreamDoesNotTake) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.subject = "elsewhere.row";
  loop.Produce(5);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kRejected);
  EXPECT_EQ(loop.pipeline.trouble().message(),
            "stream \"fraiseql_events\" does not take subject \"elsewhere.row\"");
  BrokerProbe probe(server.url());
  probe.Api("STREAM.UPDATE.fraiseql_events",
            R"({"name":"fraiseql_events","subjects":["fraiseql.>","elsewhere.>"]})");
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(probe.Messages("fraiseql_events").size(), 5u);
  EXPECT_EQ(loop.publisher.connects(), 1u);
}

TEST(Delivery, DoesNotTakeAnotherStreamsAcknowledgementForOurs) {
  NatsServer server;
  BrokerProbe probe(server.url());
  StreamSettings stream;
  stream.exclusive = Exclusive::kOff;  // a message that is tied to another is refused there
  WorkerLoop loop(Broker(server.url()), stream);
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  const uint64_t settled = loop.settled();
  // The subjects go to another stream while ours is believed to take them.
  probe.Api("STREAM.UPDATE.fraiseql_events",
            R"({"name":"fraiseql_events","subjects":["orders.>"]})");
  probe.Api("STREAM.CREATE.other", R"({"name":"other","subjects":["fraiseql.>"]})");
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kInvalid);
  EXPECT_NE(loop.pipeline.trouble().message().find("\"other\""), std::string::npos);
  EXPECT_EQ(loop.settled(), settled);
}

TEST(Delivery, SendsNothingThatOnlyAnotherStreamWouldTake) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.Api("STREAM.CREATE.other", R"({"name":"other","subjects":["fraiseql.>"]})");
  StreamSettings stream;
  stream.subjects = {"orders.>"};
  WorkerLoop loop(Broker(server.url()), stream);
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kRejected);
  EXPECT_EQ(probe.Messages("other").size(), 0u);
}

TEST(Delivery, DoesNotTakeAServicesAnswerForAnAcknowledgement) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.Serve("fraiseql.>", R"({"error":"not for me"})");
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(100);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(loop.pipeline.failures(), 0u);
  EXPECT_EQ(probe.Messages("fraiseql_events").size(), 100u);
}

TEST(Delivery, RejectsAMessageOverTheServersLimit) {
  NatsServer server("max_payload: 8192");
  WorkerLoop loop(Broker(server.url()));
  // Headers and their frame count: "NATS/1.0\r\n", "Nats-Msg-Id: 1\r\n", "Fraiseql-Origin: t\r\n",
  // "Fraiseql-Position: 0/2:1\r\n", "\r\n".
  loop.payload_bytes = 8192 - 74;
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled()) << loop.pipeline.trouble().message();
  loop.payload_bytes += 1;
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_TRUE(loop.pipeline.blocked());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kRejected);
  EXPECT_EQ(loop.pipeline.trouble().message(),
            "message of 8193 bytes, headers included, is over the NATS server's limit of 8192");
  server.Reload("max_payload: 8193");
  EXPECT_TRUE(loop.RunUntilSettled());
}

TEST(Delivery, RejectsAMessageOverTheStreamsLimit) {
  NatsServer server;
  BrokerProbe(server.url())
      .Api("STREAM.CREATE.fraiseql_events",
           R"({"name":"fraiseql_events","subjects":["fraiseql.>"],"max_msg_size":1000})");
  WorkerLoop loop(Broker(server.url()));
  loop.payload_bytes = 1001;
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_TRUE(loop.pipeline.blocked());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kRejected);
  EXPECT_NE(loop.pipeline.trouble().message().find("10054"), std::string::npos);
}

TEST(Delivery, RejectsHeadersOverTheStreamsLimit) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.extra_headers = "Big: " + std::string(70000, 'x') + "\r\n";
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kRejected);
  EXPECT_NE(loop.pipeline.trouble().message().find("10097"), std::string::npos);
}

TEST(Delivery, RejectsSubjectsThatWouldBreakTheProtocol) {
  NatsServer server;
  for (const std::string& subject :
       {"fraiseql." + std::string(4090, 'x'), std::string("fraiseql.a b"),
        std::string("fraiseql.a\r\nPING"), std::string("fraiseql.\0a", 11)}) {
    WorkerLoop loop(Broker(server.url()));
    loop.subject = subject;
    loop.Produce(1);
    ASSERT_TRUE(loop.RunUntilTrouble());
    EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kRejected) << subject;
    EXPECT_GE(loop.publisher.socket(), 0);
  }
}

TEST(Delivery, TakesTheLongestSubjectThatTheServerTakes) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.subject = "fraiseql." + std::string(4000, 'x');
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
}

TEST(Delivery, StoresLargeMessages) {
  NatsServer server;
  WorkerLoop loop(Broker(server.url()));
  loop.payload_bytes = 1000000;
  loop.Produce(50);
  ASSERT_TRUE(loop.RunUntilSettled());
  const auto stored = BrokerProbe(server.url()).Messages("fraiseql_events");
  ASSERT_EQ(stored.size(), 50u);
  EXPECT_EQ(stored[49].payload.size(), 1000000u);
}

TEST(Delivery, WaitsForAFullStreamToHaveRoom) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.Api(
      "STREAM.CREATE.fraiseql_events",
      R"({"name":"fraiseql_events","subjects":["fraiseql.>"],"max_msgs":100,"discard":"new"})");
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(150);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kUnavailable);
  EXPECT_NE(loop.pipeline.trouble().message().find("maximum messages exceeded"), std::string::npos);
  EXPECT_NE(loop.pipeline.trouble().hint(), "");
  ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() == 100; }));
  // A further attempt is refused: by then so are all messages of the first.
  ASSERT_TRUE(loop.RunUntilTrouble());
  probe.Api("STREAM.PURGE.fraiseql_events");
  ASSERT_TRUE(loop.RunUntilSettled());
  const auto stored = probe.Messages("fraiseql_events");
  ASSERT_EQ(stored.size(), 50u);
  EXPECT_EQ(stored[0].message_id, "101");
}

TEST(Delivery, SaysThatJetStreamIsOff) {
  NatsServer server("", "");
  WorkerLoop loop(Broker(server.url()));
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kUnavailable);
  EXPECT_NE(loop.pipeline.trouble().message().find("JetStream is not enabled"), std::string::npos);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.publisher.connects(), 1u);
}

}  // namespace
}  // namespace fraiseql::nats::test
