// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/consumer_management.h"

#include <gtest/gtest.h>
#include <nats/nats.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "dead_letters.h"
#include "broker_probe.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/manage/stream_management.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

class ConsumerManagement : public testing::Test {
 protected:
  ConsumerManagement() : probe(server.url()) {
    StreamSpec stream;
    stream.name = "orders";
    stream.subjects = {"orders.>"};
    Differences outcome;
    if (!JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok() ||
        !EnsureStream(js.get(), stream, EnsureMode::kCreate, &outcome).ok()) {
      std::abort();
    }
  }

  Status Ensure(const ConsumerSpec& spec) {
    return EnsureConsumer(js.get(), "orders", spec, &change);
  }
  ConsumerInfo Info(const std::string& name) {
    ConsumerInfo info;
    EXPECT_TRUE(GetConsumerInfo(js.get(), "orders", name, &info).ok());
    return info;
  }
  void Publish(int count) {
    for (int i = 0; i < count; ++i) {
      Message message;
      message.subject = "orders.new";
      message.payload = "{}";
      JetStreamClient::Stored stored;
      ASSERT_TRUE(js->Publish(message, &stored).ok());
    }
  }

  NatsServer server;
  BrokerProbe probe;
  std::unique_ptr<JetStreamClient> js;
  ConsumerChange change = ConsumerChange::kNone;
};

ConsumerSpec Pull(const std::string& name) {
  ConsumerSpec spec;
  spec.name = name;
  spec.filter_subject = "orders.>";
  return spec;
}

ConsumerSpec Push(const std::string& name, const std::string& queue = "") {
  ConsumerSpec spec = Pull(name);
  spec.push = true;
  spec.queue = queue;
  return spec;
}

TEST_F(ConsumerManagement, CreatesOnceAndChangesOnlyWhatDiffers) {
  for (const ConsumerSpec& wanted : {Pull("pull"), Push("push"), Push("queue", "queue")}) {
    ConsumerSpec spec = wanted;
    ASSERT_TRUE(Ensure(spec).ok());
    EXPECT_EQ(change, ConsumerChange::kCreated);
    ASSERT_TRUE(Ensure(spec).ok());
    EXPECT_EQ(change, ConsumerChange::kNone);
    spec.max_deliver = -1;
    spec.ack_wait_ms = 1500;
    spec.max_ack_pending = 50;
    const Status status = Ensure(spec);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(change, ConsumerChange::kUpdated);
    const ConsumerInfo info = Info(spec.name);
    EXPECT_EQ(info.config.max_deliver, -1);
    EXPECT_EQ(info.config.ack_wait_ms, 1500);
    EXPECT_EQ(info.config.max_ack_pending, 50);
    EXPECT_EQ(info.config.filter_subject, "orders.>");
    EXPECT_EQ(info.config.push, spec.push);
    EXPECT_EQ(info.config.queue, spec.queue);
    EXPECT_EQ(info.config.deliver_policy, DeliverPolicy::kAll);
    EXPECT_TRUE(info.durable);
    const std::string raw = probe.Api("CONSUMER.INFO.orders." + spec.name);
    EXPECT_EQ(raw.find("\"_INBOX.fraiseql.orders." + spec.name + "\"") != std::string::npos,
              spec.push);
  }
}

TEST_F(ConsumerManagement, CreatesOnceAndLeavesWhatIsThereAlone) {
  ConsumerSpec first = Pull("shared");
  first.filter_subject = "orders.mine.>";
  ASSERT_TRUE(CreateConsumer(js.get(), "orders", first).ok());
  EXPECT_EQ(Info("shared").config.filter_subject, "orders.mine.>");
  ConsumerSpec other = Pull("shared");
  other.max_deliver = first.max_deliver + 1;
  other.filter_subject = "orders.other";
  ASSERT_TRUE(CreateConsumer(js.get(), "orders", other).ok());
  EXPECT_EQ(Info("shared").config.filter_subject, "orders.mine.>");
  EXPECT_EQ(Info("shared").config.max_deliver, first.max_deliver);
}

TEST_F(ConsumerManagement, ChangesAConsumerThatAProgramHasMadeAndKeepsWhatItHas) {
  probe.Api("CONSUMER.DURABLE.CREATE.orders.p",
            R"({"stream_name":"orders","config":{"durable_name":"p","deliver_subject":"_INBOX.x",)"
            R"("ack_policy":"explicit","deliver_policy":"all","filter_subject":"orders.>",)"
            R"("max_ack_pending":77,"replay_policy":"instant"}})");
  ASSERT_TRUE(Ensure(Push("p")).ok());
  EXPECT_EQ(change, ConsumerChange::kUpdated);
  EXPECT_EQ(Info("p").config.max_deliver, 3);
  const std::string raw = probe.Api("CONSUMER.INFO.orders.p");
  EXPECT_NE(raw.find("\"deliver_subject\":\"_INBOX.x\""), std::string::npos);
  EXPECT_NE(raw.find("\"max_ack_pending\":77"), std::string::npos);
}

// One that is delivering, too.
TEST_F(ConsumerManagement, ChangesAConsumerThatSomebodyListensTo) {
  ASSERT_TRUE(Ensure(Push("p")).ok());
  natsConnection* connection = nullptr;
  natsSubscription* listener = nullptr;
  ASSERT_EQ(natsConnection_ConnectTo(&connection, server.url().c_str()), NATS_OK);
  natsConnection_SubscribeSync(&listener, connection, "_INBOX.fraiseql.orders.p");
  natsConnection_Flush(connection);
  for (int tries = 0; !Info("p").bound && tries < 100; ++tries) js->Sleep(20);
  ConsumerSpec spec = Push("p");
  spec.max_deliver = 7;
  const Status status = Ensure(spec);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(Info("p").config.max_deliver, 7);
  Publish(1);
  natsMsg* message = nullptr;
  EXPECT_EQ(natsSubscription_NextMsg(&message, listener, 2000), NATS_OK);
  natsMsg_Destroy(message);
  natsSubscription_Destroy(listener);
  natsConnection_Destroy(connection);
}

TEST_F(ConsumerManagement, SaysWhatCannotBeChanged) {
  ASSERT_TRUE(Ensure(Pull("c")).ok());
  const Status kind = Ensure(Push("c"));
  EXPECT_EQ(kind.code(), StatusCode::kInvalid);
  EXPECT_EQ(kind.message(), "consumer \"c\" of stream \"orders\" exists as a pull consumer");
  ConsumerSpec later = Pull("c");
  later.deliver_policy = DeliverPolicy::kNew;
  const Status policy = Ensure(later);
  EXPECT_EQ(policy.code(), StatusCode::kInvalid);
  EXPECT_NE(policy.message().find("deliver_policy \"all\""), std::string::npos);
  ConsumerSpec odd = Pull("d");
  odd.queue = "q";
  EXPECT_EQ(Ensure(odd).code(), StatusCode::kInvalid);
  EXPECT_EQ(Ensure(Pull("a.b")).code(), StatusCode::kInvalid);
  EXPECT_EQ(EnsureConsumer(js.get(), "nowhere", Pull("c"), &change).code(), StatusCode::kInvalid);
}

TEST_F(ConsumerManagement, DeliversAllOrOnlyNewMessages) {
  Publish(3);
  ConsumerSpec later = Pull("later");
  later.deliver_policy = DeliverPolicy::kNew;
  ASSERT_TRUE(Ensure(later).ok());
  ASSERT_TRUE(Ensure(Pull("all")).ok());
  Publish(1);
  // A server counts them a moment after it has acknowledged them.
  EXPECT_TRUE(Eventually([&] { return Info("all").pending == 4; }));
  EXPECT_TRUE(Eventually([&] { return Info("later").pending == 1; }));
}

TEST_F(ConsumerManagement, ListsWithNumbersAndDeletes) {
  Publish(5);
  ASSERT_TRUE(Ensure(Pull("c")).ok());
  std::optional<JetStreamClient::Delivered> first;
  std::optional<JetStreamClient::Delivered> second;
  ASSERT_TRUE(js->Pull("orders", "c", 1000, &first).ok() && first);
  ASSERT_TRUE(js->Pull("orders", "c", 1000, &second).ok() && second);
  ASSERT_TRUE(js->Ack(*first).ok());
  ASSERT_TRUE(js->Nak(*second, 0).ok());
  js->Sleep(50);  // else the third may come before the second again
  ASSERT_TRUE(js->Pull("orders", "c", 1000, &second).ok() && second);
  std::vector<ConsumerInfo> consumers;
  ASSERT_TRUE(ListConsumers(js.get(), "orders", &consumers).ok());
  ASSERT_EQ(consumers.size(), 1u);
  EXPECT_EQ(consumers[0].config.name, "c");
  EXPECT_EQ(consumers[0].pending, 3u);
  EXPECT_EQ(consumers[0].ack_pending, 1u);
  EXPECT_EQ(consumers[0].redelivered, 1u);
  EXPECT_EQ(consumers[0].delivered_sequence, 2u);
  EXPECT_EQ(consumers[0].deliveries, 3u);
  EXPECT_EQ(consumers[0].ack_floor, 1u);
  EXPECT_FALSE(consumers[0].bound);
  ASSERT_TRUE(DeleteConsumer(js.get(), "orders", "c").ok());
  EXPECT_EQ(DeleteConsumer(js.get(), "orders", "c").code(), StatusCode::kInvalid);
  ASSERT_TRUE(ListConsumers(js.get(), "orders", &consumers).ok());
  EXPECT_TRUE(consumers.empty());
}

TEST_F(ConsumerManagement, ListsMoreThanFitIntoOneAnswer) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Ensure(Pull("c" + std::to_string(i))).ok());
  std::vector<ConsumerInfo> consumers;
  ASSERT_TRUE(ListConsumers(js.get(), "orders", &consumers).ok());
  EXPECT_EQ(consumers.size(), 300u);
}

}  // namespace
}  // namespace fraiseql::nats::test
