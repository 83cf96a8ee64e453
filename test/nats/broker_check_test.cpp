// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/broker_check.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "nats/base/server_json.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/manage/consumer_management.h"
#include "nats/manage/stream_management.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

std::vector<Finding> LimitsOf(const std::string& account) {
  std::vector<Finding> findings;
  FindLimits(ParseObject(account), &findings);
  return findings;
}

TEST(BrokerCheck, FindsLimitsThatAreNearOrReached) {
  EXPECT_TRUE(LimitsOf(R"({"storage":99,"streams":5,"limits":{"max_storage":-1,"max_streams":-1}})")
                  .empty());
  EXPECT_TRUE(LimitsOf(R"({"storage":89,"streams":4,"limits":{"max_storage":100,"max_streams":5}})")
                  .empty());
  const auto near = LimitsOf(R"({"storage":90,"limits":{"max_storage":100}})");
  ASSERT_EQ(near.size(), 1U);
  EXPECT_FALSE(near[0].is_error);
  EXPECT_EQ(near[0].what, "it has 90 of at most 100 bytes on disk");
  const auto reached = LimitsOf(R"({"memory":100,"limits":{"max_memory":100}})");
  ASSERT_EQ(reached.size(), 1U);
  EXPECT_TRUE(reached[0].is_error);
  const auto streams = LimitsOf(R"({"streams":5,"limits":{"max_streams":5}})");
  ASSERT_EQ(streams.size(), 1U);
  EXPECT_FALSE(streams[0].is_error) << "those that exist go on";
}

TEST(BrokerCheck, FindsLimitsOfTiers) {
  EXPECT_EQ(
      LimitsOf(R"({"limits":{},"tiers":{"R3":{"storage":95,"limits":{"max_storage":100}},"R1":7}})")
          .size(),
      1U);
}

TEST(BrokerCheck, ComparesTheClocks) {
  constexpr int64_t kNow = 1700000000 * int64_t{1000000000};  // 22:13:20
  std::vector<Finding> findings;
  FindClockDifference("2023-11-14T22:13:20.9Z", kNow, kNow, &findings);
  FindClockDifference("2023-11-14T22:13:19.1Z", kNow, kNow, &findings);
  FindClockDifference("2023-11-14T22:13:29Z", kNow, kNow + 9 * int64_t{1000000000}, &findings);
  FindClockDifference("", kNow, kNow, &findings);
  EXPECT_TRUE(findings.empty());
  FindClockDifference("2023-11-14T22:13:22Z", kNow, kNow, &findings);
  FindClockDifference("2023-11-14T22:13:18Z", kNow, kNow, &findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_NE(findings[0].what.find("2000 ms ahead"), std::string::npos);
  EXPECT_NE(findings[1].what.find("2000 ms behind"), std::string::npos);
}

TEST(BrokerCheck, ReadsPermissions) {
  BrokerCheck check;
  ReadPermissions(ParseObject(R"({"server":{"name":"a"},"data":{"user":"a","account":"A",
      "permissions":{"publish":{"allow":["x.>"],"deny":["x.y"]},"subscribe":{"allow":["z"]}}}})"),
                  &check);
  EXPECT_EQ(check.allowed, std::vector<std::string>{"x.>"});
  EXPECT_EQ(check.denied, std::vector<std::string>{"x.y"});
  ReadPermissions(ParseObject(R"({"data":{"user":"a"}})"), &check);
  EXPECT_TRUE(check.allowed.empty() && check.denied.empty());
}

// A user who may do no more than the worker needs.
TEST(BrokerCheck, WorksWithoutThePermissionToAskForMore) {
  const NatsServer server(
      "no_auth_user: a\n"
      "accounts { A { jetstream: enabled, users: [ { user: a, password: a, permissions: { publish: "
      "{ allow: [\"orders.>\", \"$JS.API.STREAM.>\", \"$JS.API.CONSUMER.>\"] } } } ] } }\n");
  std::unique_ptr<JetStreamClient> js;
  ASSERT_TRUE(JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok());
  StreamSettings wanted;
  wanted.name = "orders";
  wanted.subjects = {"orders.>"};
  BrokerCheck check;
  ASSERT_TRUE(CheckBroker(js.get(), wanted, true, &check).ok());
  EXPECT_FALSE(check.has_stream);
  ASSERT_FALSE(check.findings.empty());
  EXPECT_EQ(check.findings[0].what, "it does not exist");

  ASSERT_TRUE(JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok());
  Differences outcome;
  ASSERT_TRUE(EnsureStream(js.get(), wanted, EnsureMode::kCreate, &outcome).ok());
  ASSERT_TRUE(CheckBroker(js.get(), wanted, true, &check).ok());
  EXPECT_TRUE(check.has_stream);
  EXPECT_EQ(check.subjects, wanted.subjects);
  ASSERT_EQ(check.findings.size(), 1U);
  EXPECT_NE(check.findings[0].what.find("limits are not known"), std::string::npos);

  ASSERT_TRUE(JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok());
  std::vector<ConsumerInfo> consumers;
  ASSERT_TRUE(ListConsumers(js.get(), "orders", &consumers).ok());
  EXPECT_TRUE(consumers.empty()) << "the one that asked for the time is gone";
}

}  // namespace
}  // namespace fraiseql::nats::test
