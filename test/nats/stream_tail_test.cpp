// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/stream_tail.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "core/change/position.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/manage/stream_management.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

class Tail : public testing::Test {
 protected:
  Tail() {
    StreamSpec spec;
    spec.name = "events";
    spec.subjects = {"fraiseql.>"};
    Differences outcome;
    if (!JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok() ||
        !EnsureStream(js.get(), spec, EnsureMode::kCreate, &outcome).ok()) {
      std::abort();
    }
    query.stream = "events";
    query.origin = "77.5";
    query.likely = "fraiseql.mutation.>";
    query.asked_subject = "fraiseql.gap";
  }

  void Publish(const std::string& subject, const std::string& id, uint64_t lsn = 0) {
    Message message;
    message.subject = subject;
    if (!id.empty()) message.AddHeader("Nats-Msg-Id", id);
    if (lsn != 0) {
      message.headers += "Fraiseql-Position: ";
      AppendPosition({lsn, 1, 0}, &message.headers);
      message.headers += "\r\n";
    }
    JetStreamClient::Stored stored;
    ASSERT_TRUE(js->Publish(message, &stored).ok());
  }
  // Of other writers, without waiting for each.
  void PublishForeign(int count) {
    WorkerLoop writer(Broker(server.url()), Events());
    writer.subject = "fraiseql.order.confirmed";
    writer.Produce(static_cast<uint64_t>(count));
    ASSERT_TRUE(writer.RunUntilSettled());
  }
  static StreamSettings Events() {
    StreamSettings settings;
    settings.name = "events";
    return settings;
  }
  void Look() { ASSERT_TRUE(LookAtTail(js.get(), query, &tail).ok()); }

  NatsServer server;
  std::unique_ptr<JetStreamClient> js;
  TailQuery query;
  StreamTail tail;
};

TEST_F(Tail, OfAnEmptyOrMissingStreamIsNothing) {
  Look();
  EXPECT_EQ(tail.newest_lsn, 0u);
  EXPECT_TRUE(tail.takes_subject);
  query.stream = "none";
  Look();
  EXPECT_EQ(tail.newest_lsn, 0u);
  EXPECT_FALSE(tail.takes_subject);
}

TEST_F(Tail, IsTheNewestMessageOfThisOriginOnWhateverSubject) {
  Publish("fraiseql.mutation.Order.INSERT", "77.5.000000000000AB10.1", 0xAB10);
  Look();
  EXPECT_EQ(tail.newest_lsn, 0xAB10u);
  EXPECT_EQ(tail.sequence, 1u);
  Publish("fraiseql.order.created", "77.5.00000001000000F0.12.1", 0x1000000F0);
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x1000000F0u);
  EXPECT_EQ(tail.sequence, 2u);
}

TEST_F(Tail, IsFoundBehindForeignMessages) {
  Publish("fraiseql.order.created", "77.5.0000000000000100.1", 0x100);
  for (const char* id : {"", "77.6.0000000000000200.1", "78.5.0000000000000200.1", "order-7",
                         "77-1a2b3c4d.5.0000000000000200.1", "77.5.n1.0000000000000200.1",
                         "77.5.00000000000002G0.1", "77.5.0000000000000200"}) {
    const std::string text = id;
    const bool branch = text.substr(0, 12) == "77-1a2b3c4d.";
    Publish("fraiseql.order.confirmed", id, branch || text[1] != '7' || text[3] == '6' ? 0x200 : 0);
  }
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x100u);
  query.origin = "77-1a2b3c4d.5";
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x200u);
}

TEST_F(Tail, IsFoundHoweverManyOthersStandBehindIt) {
  Publish("fraiseql.order.created", "77.5.0000000000000100.1", 0x100);
  PublishForeign(6000);
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x100u);
  EXPECT_FALSE(tail.cut_short);
  Publish("fraiseql.mutation.Order.INSERT", "77.5.0000000000000200.1", 0x200);
  PublishForeign(600);
  Publish("fraiseql.order.created", "77.5.0000000000000300.1", 0x300);
  PublishForeign(600);
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x300u);
}

TEST_F(Tail, IsOfTheOriginThatItsSenderNames) {
  Message message;
  message.subject = "fraiseql.order.created";
  message.AddHeader("Nats-Msg-Id", "order-7");
  message.AddHeader("Fraiseql-Origin", "77.5");
  message.AddHeader("Fraiseql-Position", "0/400:1");
  JetStreamClient::Stored stored;
  ASSERT_TRUE(js->Publish(message, &stored).ok());
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x400u);
}

TEST_F(Tail, SaysThatItHasNotSeenAll) {
  Publish("fraiseql.order.created", "77.5.0000000000000100.1", 0x100);
  PublishForeign(3000);
  query.limit = 2000;
  Look();
  EXPECT_EQ(tail.newest_lsn, 0u);
  EXPECT_TRUE(tail.cut_short);
  Publish("fraiseql.order.created", "77.5.0000000000000200.1", 0x200);
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x200u);
  EXPECT_FALSE(tail.cut_short);
}

TEST_F(Tail, EndsAtTheMark) {
  Publish("fraiseql.order.created", "77.5.0000000000000100.1", 0x100);
  PublishForeign(3000);
  const ApiAnswer answer = js->Call("STREAM.INFO.events", "stream");
  query.limit = 100;
  query.mark = {TextAt(answer.body, "created"), 1};
  Look();
  EXPECT_EQ(tail.newest_lsn, 0u);  // what was settled before does not matter
  EXPECT_FALSE(tail.cut_short);
  query.mark.sequence = 0;
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x100u);  // there is no limit behind it
  query.mark.stream = "2020-01-01T00:00:00Z";
  Look();
  EXPECT_TRUE(tail.cut_short);
}

TEST_F(Tail, OfAWorkQueueTakesNothingFromIt) {
  StreamSpec spec;
  spec.name = "queue";
  spec.subjects = {"queue.>"};
  spec.retention = Retention::kWorkQueue;
  Differences outcome;
  ASSERT_TRUE(EnsureStream(js.get(), spec, EnsureMode::kCreate, &outcome).ok());
  Publish("queue.order", "77.5.0000000000000100.1", 0x100);
  Publish("queue.order", "other");
  query.stream = "queue";
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x100u);
  StreamInfo info;
  ASSERT_TRUE(GetStreamInfo(js.get(), "queue", &info).ok());
  EXPECT_EQ(info.messages, 2u);
}

TEST_F(Tail, LeavesNoConsumer) {
  PublishForeign(2000);
  Look();
  const ApiAnswer answer = js->Call("STREAM.INFO.events", "stream");
  EXPECT_EQ(CountAt(ObjectAt(answer.body, "state"), "consumer_count"), 0u);
}

TEST_F(Tail, KnowsWhetherTheStreamTakesASubject) {
  query.asked_subject = "other.gap";
  Look();
  EXPECT_FALSE(tail.takes_subject);
}

}  // namespace
}  // namespace fraiseql::nats::test
