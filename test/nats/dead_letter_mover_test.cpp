// SPDX-License-Identifier: PostgreSQL
#include "nats/dead_letter_mover.h"

#include <gtest/gtest.h>
#include <nats/nats.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "black_hole.h"
#include "broker_probe.h"
#include "nats/clock.h"
#include "nats/consumer_management.h"
#include "nats/jetstream_client.h"
#include "nats/stream_management.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

constexpr char kStream[] = "fraiseql_events";

bool Eventually(const std::function<bool()>& condition, int64_t limit_ms = 10000) {
  for (const int64_t end = SteadyMs() + limit_ms; SteadyMs() < end;) {
    if (condition()) return true;
    poll(nullptr, 0, 20);
  }
  return false;
}

// The events in a stream that forgets ids at once; a program's consumers; and what becomes of the
// messages that they give up.
class DeadLetters : public testing::Test {
 protected:
  explicit DeadLetters(const std::string& config = "", const std::string& user = "")
      : server(config),
        url("nats://" + user + "127.0.0.1:" + std::to_string(server.port())),
        probe(url) {
    StreamSpec stream;
    stream.name = kStream;
    stream.subjects = {"fraiseql.>"};
    stream.duplicate_window_ms = 100;
    StreamOutcome outcome;
    if (!JetStreamClient::Open(Broker(url), nullptr, &js).ok() ||
        !EnsureStream(js.get(), stream, EnsureMode::kCreate, &outcome).ok()) {
      std::abort();
    }
    settings.ack_wait_ms = 300;
    settings.check_interval_ms = 200;
  }

  // The stream of advisories is there from now on, whether `mover` goes on running or not.
  void StartAndWait(DeadLetterMover* mover) {
    ASSERT_TRUE(mover->Start(Broker(url), settings).ok());
    ASSERT_TRUE(Eventually([&] { return mover->snapshot().connected; }))
        << mover->snapshot().trouble.message();
  }
  void RunOnce() {
    DeadLetterMover mover;
    StartAndWait(&mover);
  }

  void MakeConsumer(const std::string& name, const std::string& filter = "fraiseql.order.>",
                    int64_t max_deliver = 2, int64_t ack_wait_ms = 200) {
    ConsumerSpec spec;
    spec.name = name;
    spec.filter_subject = filter;
    spec.max_deliver = max_deliver;
    spec.ack_wait_ms = ack_wait_ms;
    ConsumerChange change;
    const Status status = EnsureConsumer(js.get(), kStream, spec, &change);
    ASSERT_TRUE(status.ok()) << status.message();
  }

  uint64_t Publish(const std::string& payload, const std::string& headers = "") {
    Message message;
    message.subject = "fraiseql.order.created";
    message.headers = headers;
    message.payload = payload;
    JetStreamClient::Stored stored;
    const Status status = js->Publish(message, &stored);
    EXPECT_TRUE(status.ok()) << status.message();
    return stored.sequence;
  }

  // Pulls and refuses until the consumer has nothing more to give.
  void Refuse(const std::string& consumer) {
    std::optional<JetStreamClient::Delivered> message;
    while (js->Pull(kStream, consumer, 100, &message).ok() && message) {
      ASSERT_TRUE(js->Nak(*message, 0).ok());
    }
    ASSERT_FALSE(js->lost());
  }

  size_t Advisories() {
    StreamInfo info;
    EXPECT_TRUE(GetStreamInfo(js.get(), std::string(kStream) + "_advisories", &info).ok());
    return info.messages;
  }

  std::vector<BrokerProbe::Stored> Letters() {
    std::vector<BrokerProbe::Stored> letters;
    for (BrokerProbe::Stored& stored : probe.Messages(kStream)) {
      if (stored.subject == settings.subject) letters.push_back(std::move(stored));
    }
    return letters;
  }

  // The only dead letter there is, when all advisories are dealt with.
  BrokerProbe::Stored OnlyLetter() {
    EXPECT_TRUE(Eventually([&] { return !Letters().empty() && Advisories() == 0; }));
    const auto letters = Letters();
    EXPECT_EQ(letters.size(), 1u);
    return letters.empty() ? BrokerProbe::Stored{} : letters.front();
  }

  NatsServer server;
  const std::string url;
  BrokerProbe probe;
  std::unique_ptr<JetStreamClient> js;
  DeadLetterSettings settings;
};

bool Has(const BrokerProbe::Stored& letter, const std::string& header) {
  return letter.all_headers.find(header + ";") != std::string::npos;
}

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

TEST_F(DeadLetters, AreStoredOnceByTwoMovers) {
  RunOnce();
  MakeConsumer("worker");
  for (int i = 0; i < 200; ++i) Publish(std::to_string(i));
  Refuse("worker");
  DeadLetterMover one;
  DeadLetterMover two;
  StartAndWait(&one);
  StartAndWait(&two);
  EXPECT_TRUE(Eventually([&] { return Advisories() == 0; }));
  EXPECT_EQ(Letters().size(), 200u);
  EXPECT_EQ(one.snapshot().moved + two.snapshot().moved, 200u);
  EXPECT_GT(one.snapshot().moved, 0u);
  EXPECT_GT(two.snapshot().moved, 0u);
}

// One that was thought dead stores its letter after the other has looked for it.
TEST_F(DeadLetters, AreStoredOnceIfAnotherMoverIsFaster) {
  DeadLetterMover mover;
  StartAndWait(&mover);
  MakeConsumer("worker");
  Publish("a");
  Refuse("worker");
  OnlyLetter();
  const uint64_t sequence = Publish("b");
  Message letter;
  letter.subject = settings.subject;
  letter.AddHeader("Nats-Msg-Id", "dlq:fraiseql_events:worker:" + std::to_string(sequence));
  JetStreamClient::Stored stored;
  ASSERT_TRUE(js->Publish(letter, &stored).ok());
  js->Sleep(200);  // twice the duplicate window
  Refuse("worker");
  ASSERT_TRUE(Eventually([&] { return mover.snapshot().already_there == 1; }));
  EXPECT_EQ(Letters().size(), 2u);
}

// To stop is to die at any point: what is under way is dropped, and the connection with it.
TEST_F(DeadLetters, AreStoredOnceByMoversThatDieAllTheTime) {
  RunOnce();
  MakeConsumer("worker");
  for (int i = 0; i < 300; ++i) Publish(std::to_string(i));
  Refuse("worker");
  DeadLetterMover movers[2];
  std::minstd_rand random(1);
  const auto die_and_go_on = [&] {
    DeadLetterMover& mover = movers[random() % 2];
    if (mover.running()) mover.Stop();
    EXPECT_TRUE(mover.Start(Broker(url), settings).ok());
    poll(nullptr, 0, static_cast<int>(random() % 40));
    return Advisories() == 0;
  };
  EXPECT_TRUE(Eventually(die_and_go_on, 20000));
  const auto letters = Letters();
  EXPECT_EQ(letters.size(), 300u);
  std::vector<std::string> ids;
  for (const auto& letter : letters) ids.push_back(letter.message_id);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

// A mover that may not acknowledge advisories stores the letter and gets no further.
class DeadLettersOfTheMute : public DeadLetters {
 protected:
  DeadLettersOfTheMute()
      : DeadLetters(
            "authorization: {users: [{user: all, password: p}, {user: mute, password: p, "
            "permissions: {publish: {deny: [\"$JS.ACK.fraiseql_events_advisories.>\"]}}}]}",
            "all:p@") {}
};

TEST_F(DeadLettersOfTheMute, AreStoredOnceIfAMoverDiesBeforeItSaysSo) {
  DeadLetterMover mute;
  BrokerSettings broker = Broker("nats://mute:p@127.0.0.1:" + std::to_string(server.port()));
  ASSERT_TRUE(mute.Start(broker, settings).ok());
  ASSERT_TRUE(Eventually([&] { return mute.snapshot().connected; }));
  MakeConsumer("worker");
  Publish("{}");
  Refuse("worker");
  ASSERT_TRUE(Eventually([&] { return mute.snapshot().already_there >= 1; }));
  EXPECT_EQ(mute.snapshot().trouble.code(), StatusCode::kInvalid);
  mute.Stop();
  EXPECT_EQ(Letters().size(), 1u);
  EXPECT_EQ(Advisories(), 1u);
  poll(nullptr, 0, 200);  // twice the duplicate window
  // Before 2.10, a server knows no last dead letter when the stream's last message was deleted.
  probe.Api("STREAM.MSG.DELETE." + std::string(kStream),
            R"({"seq":)" + std::to_string(Publish("last")) + "}");
  DeadLetterMover mover;
  StartAndWait(&mover);
  ASSERT_TRUE(Eventually([&] { return Advisories() == 0; }));
  EXPECT_EQ(mover.snapshot().already_there, 1u);
  EXPECT_EQ(mover.snapshot().moved, 0u);
  EXPECT_EQ(Letters().size(), 1u);
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
    EXPECT_LT(SteadyMs() - before, 200) << url;
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
