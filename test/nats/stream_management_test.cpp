// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/stream_management.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker_probe.h"
#include "nats/jetstream/jetstream_client.h"
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

std::vector<std::string> Fields(const Differences& outcome) {
  std::vector<std::string> fields;
  for (const Difference& difference : outcome) fields.push_back(difference.field);
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
  Differences outcome;
};

TEST_F(StreamManagement, CreatesWhatIsMissingWithTheServersDefaults) {
  ASSERT_TRUE(Ensure(Orders(), EnsureMode::kCreate).ok());
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
  EXPECT_TRUE(outcome.empty());
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
  const StreamInfo info = Info();
  EXPECT_EQ(info.config.storage, Storage::kMemory);
  EXPECT_EQ(info.config.retention, Retention::kWorkQueue);
  EXPECT_EQ(info.config.max_age_ms, 3600000);
  EXPECT_EQ(info.config.max_bytes, 1 << 20);
  EXPECT_EQ(info.config.max_messages, 1000);
  EXPECT_EQ(info.config.duplicate_window_ms, 500);
  EXPECT_EQ(info.config.discard, Discard::kNew);
  ASSERT_TRUE(Ensure(spec, EnsureMode::kCreate).ok());
  EXPECT_TRUE(outcome.empty());
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
  ASSERT_TRUE(Ensure(spec, EnsureMode::kCreate).ok());
  EXPECT_EQ(Fields(outcome), differing);
  for (const Difference& difference : outcome) EXPECT_FALSE(difference.changed);
  EXPECT_EQ(Info().config.max_messages, 10);
  ASSERT_TRUE(Ensure(spec, EnsureMode::kUpdate).ok());
  ASSERT_EQ(Fields(outcome), differing);
  for (const Difference& difference : outcome) {
    EXPECT_EQ(difference.changed, difference.field != "storage") << difference.field;
  }
  EXPECT_EQ(outcome[1].wanted, "600 s");
  EXPECT_EQ(outcome[1].found, "0 s");
  EXPECT_EQ(outcome[3].found, "memory");
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

TEST_F(StreamManagement, MakesABucketAsClientsExpectIt) {
  StreamSpec spec = Orders();
  spec.is_bucket = true;
  spec.max_messages_per_subject = 3;
  spec.compression = Compression::kNone;
  ASSERT_TRUE(Ensure(spec, EnsureMode::kCreate).ok());
  EXPECT_EQ(Info().config.max_messages_per_subject, 3);
  const std::string raw = BrokerProbe(server.url()).Api("STREAM.INFO.orders");
  for (const char* set :
       {"\"allow_rollup_hdrs\":true", "\"deny_delete\":true", "\"allow_direct\":true"}) {
    EXPECT_NE(raw.find(set), std::string::npos) << set << " in " << raw;
  }
  ASSERT_TRUE(Ensure(spec, EnsureMode::kUpdate).ok());
  EXPECT_TRUE(outcome.empty());
}

// A server before 2.10 does not know compression, and takes the request all the same.
TEST_F(StreamManagement, TellsWhatTheServerDoesNotKnow) {
  StreamSpec spec = Orders();
  ASSERT_TRUE(Ensure(spec, EnsureMode::kCreate).ok());
  spec.compression = Compression::kS2;
  ASSERT_TRUE(Ensure(spec, EnsureMode::kUpdate).ok());
  ASSERT_EQ(Fields(outcome), (std::vector<std::string>{"compression"}));
  EXPECT_EQ(outcome[0].found, "none");
  EXPECT_EQ(outcome[0].changed, Info().config.compression == Compression::kS2);
}

TEST_F(StreamManagement, DeletesAStreamThatIsThereAndNoneThatIsNot) {
  ASSERT_TRUE(Ensure(Orders(), EnsureMode::kCreate).ok());
  EXPECT_TRUE(DeleteStream(js.get(), "orders").ok());
  StreamInfo info;
  EXPECT_FALSE(GetStreamInfo(js.get(), "orders", &info).ok());
  EXPECT_TRUE(DeleteStream(js.get(), "orders").ok());
  EXPECT_FALSE(DeleteStream(js.get(), "a.b").ok());
}

TEST_F(StreamManagement, TellsThatAStreamIsMissing) {
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
  StreamInfo info;
  EXPECT_EQ(GetStreamInfo(js.get(), "orders", &info).code(), StatusCode::kInvalid);  // not created

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
  EXPECT_NE(overlap.message().find("stream \"other\""), std::string::npos) << overlap.message();
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

constexpr char kOrdersBeingMade[] =
    R"({"config":{"name":"orders","subjects":["orders.>"]},"created":"0001-01-01T00:00:00Z"})";

// A change then would end nats-server 2.9 with all its streams.
TEST(StreamBeingMade, IsWaitedForAndNotChanged) {
  NatsServer server("", /*jetstream=*/"");
  BrokerProbe maker(server.url());
  maker.Serve("$JS.API.STREAM.INFO.orders", kOrdersBeingMade);
  BrokerProbe witness(server.url());
  witness.Serve("$JS.API.STREAM.UPDATE.orders", R"({"error":{"code":500,"err_code":1}})");
  StreamSpec wider = Orders();
  wider.subjects.emplace_back("invoices.>");
  Differences outcome;
  const Status status = WithJetStream(Broker(server.url()), [&](JetStreamClient* client) {
    return EnsureStream(client, wider, EnsureMode::kUpdate, &outcome);
  });
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "stream \"orders\" is being created by another client");
  EXPECT_TRUE(outcome.empty());
}

TEST(StreamBeingMade, IsNotPublishedTo) {
  NatsServer server("", /*jetstream=*/"");
  BrokerProbe maker(server.url());
  maker.Serve("$JS.API.STREAM.INFO.fraiseql_events", kOrdersBeingMade);
  WorkerLoop loop(Broker(server.url()));
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilTrouble());
  EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kUnavailable);
  EXPECT_NE(loop.pipeline.trouble().message().find("is being created"), std::string::npos);
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
          Differences ignored;
          return EnsureStream(client, spec, EnsureMode::kUpdate, &ignored);
        });
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Status& result : results) EXPECT_TRUE(result.ok()) << result.message();
    EXPECT_EQ(Info().config.subjects.size(), results.size() + 1);
  }
}

}  // namespace
}  // namespace fraiseql::nats::test
