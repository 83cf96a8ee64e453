// SPDX-License-Identifier: PostgreSQL
#include "nats/deadletter/dead_letter_mover.h"

#include <gtest/gtest.h>
#include <nats/nats.h>
#include <poll.h>

#include <optional>
#include <string>

#include "black_hole.h"
#include "dead_letters.h"
#include "time_limit.h"

namespace fraiseql::nats::test {
namespace {

TEST_F(DeadLetters, AreCopiesWithAllTheFacts) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("worker");
  const uint64_t sequence =
      Publish(R"({"order_id":1})", "Nats-Msg-Id: a\r\nFraiseql-Xid: 5\r\nX: 1\r\nX: 2\r\n");
  Refuse("worker");
  const auto letter = OnlyLetter();
  EXPECT_EQ(letter.payload, R"({"order_id":1})");
  EXPECT_EQ(letter.message_id, "dlq:fraiseql_events:worker:1");
  EXPECT_TRUE(Has(letter, "Fraiseql-Dlq-Stream=fraiseql_events"));
  EXPECT_TRUE(Has(letter, "Fraiseql-Dlq-Sequence=" + std::to_string(sequence)));
  EXPECT_TRUE(Has(letter, "Fraiseql-Dlq-Consumer=worker"));
  EXPECT_TRUE(Has(letter, "Fraiseql-Dlq-Deliveries=2"));
  EXPECT_TRUE(Has(letter, "Fraiseql-Dlq-Reason=max_deliver"));
  EXPECT_TRUE(Has(letter, "Fraiseql-Dlq-Subject=fraiseql.order.created"));
  EXPECT_TRUE(Has(letter, "Fraiseql-Xid=5"));
  EXPECT_TRUE(Has(letter, "X=1")) << letter.all_headers;
  EXPECT_TRUE(Has(letter, "X=2")) << letter.all_headers;
  EXPECT_FALSE(Has(letter, "Nats-Msg-Id=a"));
  EXPECT_TRUE(Eventually([&] { return mover.snapshot().moved == 1; }));
  EXPECT_TRUE(mover.snapshot().trouble.ok());
}

TEST_F(DeadLetters, ComeAlsoFromGiveUpsWhileNoMoverRan) {
  RunOnce();
  MakeConsumer("worker");
  MakeConsumer("other");
  Publish("a");
  Publish("b");
  Refuse("worker");
  Refuse("other");
  EXPECT_EQ(Advisories(), 4u);
  EXPECT_TRUE(Letters().empty());
  DeadLetterMover mover;
  StartAndWait(&mover);
  EXPECT_TRUE(Eventually([&] { return Advisories() == 0; }));
  EXPECT_EQ(Letters().size(), 4u);  // one for each consumer and message
}

TEST_F(DeadLetters, ComeFromTerminatedMessages) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("worker");
  Publish("a");
  std::optional<JetStreamClient::Delivered> message;
  ASSERT_TRUE(js->Pull(kStream, "worker", 1000, &message).ok() && message);
  std::string none;
  ASSERT_TRUE(js->Request(message->reply, "+TERM", &none).ok());
  const auto letter = OnlyLetter();
  EXPECT_EQ(letter.payload, "a");
  EXPECT_TRUE(Has(letter, "Fraiseql-Dlq-Reason=terminated")) << letter.all_headers;
}

TEST_F(DeadLetters, SayWhatIsMissing) {
  RunOnce();
  MakeConsumer("worker");
  Publish("{}");
  Refuse("worker");
  probe.Api("STREAM.MSG.DELETE." + std::string(kStream), R"({"seq":1})");
  DeadLetterMover mover;
  StartAndWait(&mover);
  const auto letter = OnlyLetter();
  EXPECT_TRUE(Has(letter, "Fraiseql-Dlq-Missing=gone"));
  EXPECT_EQ(letter.payload.substr(0, 15), R"({"dead_letter":)");
  EXPECT_EQ(mover.snapshot().without_payload, 1u);
}

TEST_F(DeadLetters, LeaveOutWhatIsTooLargeWithTheirHeaders) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("worker");
  Publish(std::string((1 << 20) - 100, 'x'));  // max_payload is 1 MB
  Refuse("worker");
  EXPECT_TRUE(Has(OnlyLetter(), "Fraiseql-Dlq-Missing=too_large"));
  Publish("{}", "X: " + std::string(65400, 'x') + "\r\n");  // 64 kB of headers are allowed
  Refuse("worker");
  ASSERT_TRUE(Eventually([&] { return Letters().size() == 2; }));
  EXPECT_TRUE(Has(Letters()[1], "Fraiseql-Dlq-Missing=too_large"));
  Publish(std::string(900000, 'x'));
  Refuse("worker");
  ASSERT_TRUE(Eventually([&] { return Letters().size() == 3; }));
  EXPECT_EQ(Letters()[2].payload.size(), 900000u);
}

TEST_F(DeadLetters, AreNotMadeOfDeadLetters) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("worker");
  MakeConsumer("dlq-handler", settings.subject, 1);
  Publish("{}");
  Refuse("worker");
  ASSERT_TRUE(Eventually([&] { return Letters().size() == 1; }));
  Refuse("dlq-handler");
  ASSERT_TRUE(Eventually([&] { return mover.snapshot().loops == 1; }));
  // Nor of one that is gone.
  Publish("{}");
  Refuse("worker");
  ASSERT_TRUE(Eventually([&] { return Letters().size() == 2; }));
  mover.Stop();
  Refuse("dlq-handler");
  probe.Api("STREAM.MSG.DELETE." + std::string(kStream),
            R"({"seq":)" + std::to_string(Letters()[1].sequence) + "}");
  StartAndWait(&mover);
  EXPECT_TRUE(Eventually([&] { return mover.snapshot().loops == 2; }));
  EXPECT_EQ(Letters().size(), 1u);
  EXPECT_EQ(Advisories(), 0u);
}

// As nats.py makes it by js.subscribe(), with max_deliver.
TEST_F(DeadLetters, ComeFromPushConsumersToo) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  probe.Api("CONSUMER.DURABLE.CREATE." + std::string(kStream) + ".orchestrator",
            R"({"stream_name":"fraiseql_events","config":{"durable_name":"orchestrator",)"
            R"("deliver_subject":"_INBOX.abc","ack_policy":"explicit","deliver_policy":"all",)"
            R"("filter_subject":"fraiseql.order.created","max_deliver":2,"ack_wait":200000000,)"
            R"("replay_policy":"instant"}})");
  natsConnection* connection = nullptr;
  natsSubscription* listener = nullptr;
  ASSERT_EQ(natsConnection_ConnectTo(&connection, url.c_str()), NATS_OK);
  natsConnection_SubscribeSync(&listener, connection, "_INBOX.abc");
  natsConnection_Flush(connection);
  Publish("{}");
  EXPECT_TRUE(Has(OnlyLetter(), "Fraiseql-Dlq-Consumer=orchestrator"));  // it never acknowledges
  uint64_t delivered = 0;
  natsSubscription_QueuedMsgs(listener, &delivered);
  EXPECT_EQ(delivered, 2u);
  natsSubscription_Destroy(listener);
  natsConnection_Destroy(connection);
}

TEST_F(DeadLetters, WaitForABrokerThatGoesAway) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("worker");
  Publish("{}");
  server.Kill();
  ASSERT_TRUE(Eventually([&] { return !mover.snapshot().connected; }));
  EXPECT_EQ(mover.snapshot().trouble.code(), StatusCode::kUnavailable);
  server.Start();
  ASSERT_TRUE(JetStreamClient::Open(Broker(url), nullptr, &js).ok());
  Refuse("worker");
  OnlyLetter();
  EXPECT_TRUE(mover.snapshot().connected);
}

TEST_F(DeadLetters, NeedAStreamThatTakesThem) {
  settings.subject = "elsewhere.dlq";
  DeadLetterMover mover;
  ASSERT_TRUE(mover.Start(Broker(url), settings).ok());
  ASSERT_TRUE(Eventually([&] { return !mover.snapshot().trouble.ok(); }));
  EXPECT_EQ(mover.snapshot().trouble.message(),
            "no stream takes the dead letter subject \"elsewhere.dlq\"");
  probe.Api("STREAM.CREATE.dlq", R"({"name":"dlq","subjects":["elsewhere.>"]})");
  MakeConsumer("worker");
  Publish("{}");
  Refuse("worker");
  EXPECT_TRUE(Eventually([&] { return probe.Messages("dlq").size() == 1; }));
}

TEST_F(DeadLetters, GoToTheStreamThatTakesThemNow) {
  settings.subject = "elsewhere.dlq";
  probe.Api("STREAM.CREATE.first", R"({"name":"first","subjects":["elsewhere.>"]})");
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("worker");
  Publish("a");
  Refuse("worker");
  ASSERT_TRUE(Eventually([&] { return probe.Messages("first").size() == 1; }));
  probe.Api("STREAM.UPDATE.first", R"({"name":"first","subjects":["nothing"]})");
  probe.Api("STREAM.CREATE.second", R"({"name":"second","subjects":["elsewhere.>"]})");
  Publish("b");
  Refuse("worker");
  EXPECT_TRUE(Eventually([&] { return probe.Messages("second").size() == 1; }));
  EXPECT_EQ(probe.Messages("first").size(), 1u);
}

TEST(DeadLetterMover, StopsAtOnce) {
  const BlackHole silent("");
  const BlackHole tls(BlackHole::kTlsGreeting);
  NatsServer server;
  for (const std::string& url : {silent.url(), tls.url(), server.url()}) {
    DeadLetterMover mover;
    ASSERT_TRUE(mover.Start(Broker(url), {}).ok());
    poll(nullptr, 0, 100);
    EXPECT_TRUE(mover.running());
    const int64_t before = SteadyMs();
    mover.Stop();
    EXPECT_LT(SteadyMs() - before, TimeLimit(200)) << url;
    EXPECT_FALSE(mover.running());
    EXPECT_FALSE(mover.snapshot().connected);
  }
}

// Whether the server can be asked without harm, see StalledConsumers.
bool IsTrusted(BrokerProbe* probe) {
  return probe->Api("INFO").find("\"level\"") != std::string::npos;
}

TEST_F(DeadLetters, ComeFromConsumersThatNobodyPullsFromAnyMore) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("once", "fraiseql.order.>", 1);
  Publish("a");
  Publish("b");
  std::optional<JetStreamClient::Delivered> message;
  ASSERT_TRUE(js->Pull(kStream, "once", 1000, &message).ok() && message);
  EXPECT_TRUE(Has(OnlyLetter(), "Fraiseql-Dlq-Consumer=once"));
  ASSERT_TRUE(js->Pull(kStream, "once", 1000, &message).ok() && message);
  EXPECT_EQ(message->payload, "b");  // nothing was taken away from the program
  ASSERT_TRUE(js->Ack(*message).ok());
}

TEST_F(DeadLetters, AreNotMadeOfMessagesThatHaveDeliveriesLeft) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("twice");
  Publish("a");
  Publish("b");
  std::optional<JetStreamClient::Delivered> message;
  const auto pull = [&](const char* expected) {
    ASSERT_TRUE(js->Pull(kStream, "twice", 1000, &message).ok() && message);
    EXPECT_EQ(message->payload, expected);
  };
  pull("a");
  js->Sleep(300);
  pull("a");
  pull("b");
  if (IsTrusted(&probe)) {
    EXPECT_EQ(OnlyLetter().payload, "a");
  } else {
    js->Sleep(2500);  // more than enough to do harm
    EXPECT_TRUE(Letters().empty());
  }
  pull("b");
  ASSERT_TRUE(js->Ack(*message).ok());
  EXPECT_EQ(OnlyLetter().payload, "a");
}

}  // namespace
}  // namespace fraiseql::nats::test
