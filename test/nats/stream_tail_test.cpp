// SPDX-License-Identifier: PostgreSQL
#include "nats/stream_tail.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "nats/jetstream_client.h"
#include "nats/stream_management.h"
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
    StreamOutcome outcome;
    if (!JetStreamClient::Open(Broker(server.url()), nullptr, &js).ok() ||
        !EnsureStream(js.get(), spec, EnsureMode::kCreate, &outcome).ok()) {
      std::abort();
    }
    query = {"events", "77.5.", "fraiseql.mutation.>", "fraiseql.gap"};
  }

  void Publish(const std::string& subject, const std::string& id) {
    Message message;
    message.subject = subject;
    if (!id.empty()) message.AddHeader("Nats-Msg-Id", id);
    JetStreamClient::Stored stored;
    ASSERT_TRUE(js->Publish(message, &stored).ok());
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
  Publish("fraiseql.mutation.Order.INSERT", "77.5.000000000000AB10.1");
  Look();
  EXPECT_EQ(tail.newest_lsn, 0xAB10u);
  EXPECT_EQ(tail.sequence, 1u);
  Publish("fraiseql.order.created", "77.5.00000001000000F0.12.1");
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x1000000F0u);
  EXPECT_EQ(tail.sequence, 2u);
}

TEST_F(Tail, IsFoundBehindForeignMessages) {
  Publish("fraiseql.order.created", "77.5.0000000000000100.1");
  for (const char* id : {"", "77.6.0000000000000200.1", "78.5.0000000000000200.1", "order-7",
                         "77-1a2b3c4d.5.0000000000000200.1", "77.5.n1.0000000000000200.1",
                         "77.5.00000000000002G0.1", "77.5.0000000000000200"}) {
    Publish("fraiseql.order.confirmed", id);
  }
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x100u);
  query.id_prefix = "77-1a2b3c4d.5.";
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x200u);
}

TEST_F(Tail, IsFoundOnTheLikelySubjectHoweverFarBack) {
  Publish("fraiseql.order.created", "77.5.0000000000000100.1");
  for (int i = 0; i < 300; ++i) Publish("fraiseql.order.confirmed", "");
  Look();
  EXPECT_EQ(tail.newest_lsn, 0u);  // the search is bounded
  Publish("fraiseql.mutation.Order.INSERT", "77.5.0000000000000200.1");
  for (int i = 0; i < 300; ++i) Publish("fraiseql.order.confirmed", "");
  Look();
  EXPECT_EQ(tail.newest_lsn, 0x200u);
}

TEST_F(Tail, KnowsWhetherTheStreamTakesASubject) {
  query.asked_subject = "other.gap";
  Look();
  EXPECT_FALSE(tail.takes_subject);
}

}  // namespace
}  // namespace fraiseql::nats::test
