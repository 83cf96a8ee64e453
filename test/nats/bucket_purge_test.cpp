// SPDX-License-Identifier: PostgreSQL
//
// What was in a bucket before the message of a TRUNCATE is removed, also if the worker that stored
// the message died before it asked for that.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "broker_probe.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

class BucketPurging : public testing::Test {
 protected:
  BucketPurging() : probe_(server_.url()) {}

  void Fill(const std::string& more_config) {
    probe_.Api("STREAM.CREATE.KV_orders",
               R"({"name":"KV_orders","subjects":["$KV.orders.>"])" + more_config + "}");
    for (const char* key : {"1", "2", "=TRUNCATE", "3"}) {
      probe_.Publish(std::string("$KV.orders.") + key, key);
    }
  }

  StreamSettings Bucket() const {
    StreamSettings stream;
    stream.name = "KV_orders";
    return stream;
  }

  std::vector<std::string> Subjects() {
    std::vector<std::string> subjects;
    for (const auto& stored : probe_.Messages("KV_orders")) subjects.push_back(stored.subject);
    return subjects;
  }

  NatsServer server_;
  BrokerProbe probe_;
};

TEST_F(BucketPurging, IsMadeUpForByTheOpening) {
  Fill("");
  WorkerLoop loop(Broker(server_.url()), Bucket());
  ASSERT_TRUE(loop.RunUntilOpen());
  EXPECT_EQ(Subjects(), (std::vector<std::string>{"$KV.orders.=TRUNCATE", "$KV.orders.3"}));
}

TEST_F(BucketPurging, KeepsTheWorkerWaitingIfItIsRefused) {
  Fill(R"(,"deny_purge":true)");
  WorkerLoop loop(Broker(server_.url()), Bucket());
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_NE(loop.pipeline.trouble().message().find("purge"), std::string::npos)
      << loop.pipeline.trouble().message();
  EXPECT_EQ(Subjects().size(), 4u);
}

TEST_F(BucketPurging, IsNotOfStreamsThatAreNoBuckets) {
  Fill("");
  probe_.Api("STREAM.CREATE.kv", R"({"name":"kv","subjects":["kv.>"]})");
  for (const char* key : {"1", "=TRUNCATE"}) probe_.Publish(std::string("kv.") + key, key);
  StreamSettings plain;
  plain.name = "kv";
  WorkerLoop loop(Broker(server_.url()), plain);
  ASSERT_TRUE(loop.RunUntilOpen());
  EXPECT_EQ(probe_.Messages("kv").size(), 2u);
  EXPECT_EQ(Subjects().size(), 4u);
}

}  // namespace
}  // namespace fraiseql::nats::test
