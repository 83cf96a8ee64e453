// SPDX-License-Identifier: PostgreSQL
//
// In clear nats.c connects, with TLS we do: both keep every promise.
#include <gtest/gtest.h>

#include <string>

#include "broker_probe.h"
#include "certificates.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

struct Transport {
  const char* name;
  bool tls_server;
  bool tls_asked_for;
};

class Transports : public testing::TestWithParam<Transport> {
 protected:
  std::string Config(const std::string& more = "") const {
    return (GetParam().tls_server ? certificates_.ServerConfig() : std::string()) + more;
  }
  BrokerSettings Settings(const NatsServer& server) const {
    BrokerSettings settings = Broker(server.url());
    if (GetParam().tls_asked_for) {
      settings.tls_ca_file = certificates_.ca();
    } else {
      settings.tls_verify = false;
    }
    return settings;
  }
  static void ExpectAllOnceInOrder(const NatsServer& server, size_t count) {
    const auto stored = BrokerProbe(server.url()).Messages("fraiseql_events");
    ASSERT_EQ(stored.size(), count);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(stored[i].message_id, std::to_string(i + 1));
  }

  const Certificates certificates_;
};

TEST_P(Transports, StoresEveryMessageAsItIs) {
  NatsServer server(Config());
  WorkerLoop loop(Settings(server));
  loop.extra_headers = "Colons: a: b:c\r\nTwice: 1\r\nTwice: 2\r\n";
  loop.Produce(5000);
  ASSERT_TRUE(loop.RunUntilSettled()) << loop.pipeline.trouble().message();
  ExpectAllOnceInOrder(server, 5000);
  const auto stored = BrokerProbe(server.url()).Messages("fraiseql_events").front();
  EXPECT_EQ(stored.payload, "1 " + std::string(98, 'x'));
  EXPECT_NE(stored.all_headers.find("Colons=a: b:c;"), std::string::npos) << stored.all_headers;
  EXPECT_NE(stored.all_headers.find("Twice=1;Twice=2;"), std::string::npos) << stored.all_headers;
  EXPECT_EQ(loop.pipeline.failures(), 0u);
}

TEST_P(Transports, StoresLargeMessages) {
  NatsServer server(Config("max_payload: 8MB\n"));
  WorkerLoop loop(Settings(server));
  loop.payload_bytes = 7 * 1024 * 1024;
  loop.Produce(5);
  ASSERT_TRUE(loop.RunUntilSettled()) << loop.pipeline.trouble().message();
  ExpectAllOnceInOrder(server, 5);
}

TEST_P(Transports, GoesOnAfterTheBrokerWasKilled) {
  NatsServer server(Config());
  WorkerLoop loop(Settings(server));
  loop.Produce(20000);
  ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() >= 5000; }));
  server.Kill();
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kUnavailable);
  server.Start();
  ASSERT_TRUE(loop.RunUntilSettled());
  ExpectAllOnceInOrder(server, 20000);
}

TEST_P(Transports, FindsWhatIsStoredAlready) {
  NatsServer server(Config());
  ResumePoint left;
  {
    WorkerLoop dead(Settings(server));
    dead.Produce(1000);
    ASSERT_TRUE(dead.RunUntilSettled());
    left = dead.resume_point();
    dead.Produce(2000);
    ASSERT_TRUE(dead.RunUntilSettled());
  }
  WorkerLoop loop(Settings(server), {}, WorkerLoop::QuickOptions(), left);
  loop.BeginWith(1001);
  loop.Produce(3000);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(loop.pipeline.found(), 2000u);
  ExpectAllOnceInOrder(server, 4000);
}

TEST_P(Transports, TellsThatNoStreamTakesTheSubject) {
  NatsServer server(Config());
  WorkerLoop loop(Settings(server));
  loop.Produce(5);
  ASSERT_TRUE(loop.RunUntilSettled());
  // While it is believed to take them, they go to nobody.
  BrokerProbe(server.url())
      .Api("STREAM.UPDATE.fraiseql_events",
           R"({"name":"fraiseql_events","subjects":["orders.>"]})");
  loop.Produce(5);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_NE(loop.pipeline.trouble().message().find("no stream takes"), std::string::npos)
      << loop.pipeline.trouble().message();
}

TEST_P(Transports, TellsWhichSubjectIsRefused) {
  NatsServer server(Config(R"(authorization: {users: [{user: joe, password: x, permissions:
                {publish: ["fraiseql.allowed", "$JS.API.>"], subscribe: "_INBOX.>"}}]})"));
  BrokerSettings settings = Settings(server);
  settings.url = "nats://joe:x@127.0.0.1:" + std::to_string(server.port());
  WorkerLoop loop(settings);
  loop.subject = "fraiseql.forbidden";
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kRejected);
  EXPECT_NE(loop.pipeline.trouble().message().find("Publish to \"fraiseql.forbidden\""),
            std::string::npos)
      << loop.pipeline.trouble().message();
}

INSTANTIATE_TEST_SUITE_P(All, Transports,
                         testing::Values(Transport{"InClear", false, false},
                                         Transport{"Tls", true, true},
                                         Transport{"TlsThatTheServerDemands", true, false}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace fraiseql::nats::test
