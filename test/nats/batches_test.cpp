// SPDX-License-Identifier: PostgreSQL
//
// Messages in batches, where the server knows them: few ids, and nothing of a connection that has
// ended is stored after the look.  An older server takes each message by itself, with its id.
#include "nats/publish/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "broker_probe.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

constexpr char kStream[] = "fraiseql_events";
constexpr char kSubject[] = "fraiseql.test.row";
constexpr uint64_t kEarlier = 0x123456789ABCDEF0;

StreamSettings InBatches(Exclusive exclusive = Exclusive::kAuto) {
  StreamSettings stream;
  stream.allows_batches = true;
  stream.exclusive = exclusive;
  return stream;
}

bool Has(const BrokerProbe::Stored& stored, const std::string& header) {
  return stored.all_headers.find(header + "=") != std::string::npos;
}

// A message of a connection that has ended, as it would have sent it.
std::string Late(BrokerProbe* probe, int number, uint64_t count, BatchOperation operation) {
  std::string reply;
  AppendBatchReply(kEarlier, count, operation, &reply);
  const std::string id = count == 1 ? "t." + std::to_string(number) : "";
  return probe->Ask(kSubject, id, std::to_string(number) + " late", reply);
}

ResumePoint AfterBatch() {
  ResumePoint from;
  from.mark = StreamMark{};
  from.batch = {kEarlier, kSubject};
  return from;
}

TEST(Batches, LeaveOutMostIds) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.CreateStream();
  WorkerLoop loop(Broker(server.url()), InBatches());
  loop.Produce(5000);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(Numbers(&probe), UpTo(5000));
  EXPECT_EQ(loop.pipeline.failures(), 0u);
  EXPECT_EQ(loop.pipeline.mark().sequence, 5000u);
  const auto stored = probe.Messages(kStream);
  const auto ids = std::count_if(stored.begin(), stored.end(),
                                 [](const auto& message) { return Has(message, "Nats-Msg-Id"); });
  for (const auto& message : stored) EXPECT_TRUE(Has(message, "Fraiseql-Id"));
  if (probe.AllowsBatches(kStream)) {
    EXPECT_LT(ids, 500);
    EXPECT_NE(loop.batch.id, 0u);
    EXPECT_EQ(loop.batch.subject, kSubject);
  } else {
    EXPECT_EQ(ids, 5000);
    EXPECT_EQ(loop.batch.id, 0u);
  }
}

// What they store is not taken for another publisher's: single messages are chained as before.
TEST(Batches, LeaveTheStreamExclusive) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.CreateStream();
  WorkerLoop loop(Broker(server.url()), InBatches());
  loop.Produce(5000);
  ASSERT_TRUE(loop.RunUntilSettled());
  loop.Produce(3);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_TRUE(loop.publisher.chained());
  EXPECT_EQ(Numbers(&probe), UpTo(5003));
}

TEST(Batches, AreOfTheStreamThatThePublisherCreates) {
  NatsServer server;
  BrokerProbe probe(server.url());
  WorkerLoop loop(Broker(server.url()), InBatches());
  loop.Produce(1);
  if (loop.RunUntil([&] { return loop.settled() == 1 || loop.pipeline.failures() > 0; })) {
    const bool known = probe.AllowsBatches(kStream);
    // Between 2.12 and 2.14, a server refuses what it does not know.
    EXPECT_TRUE(known || loop.settled() == 1 ||
                loop.pipeline.trouble().message().find("10025") != std::string::npos)
        << loop.pipeline.trouble().message();
  }
}

// A message that the stream refuses ends its batch; the others go on without it.
TEST(Batches, GoOnWithoutARefusedMessage) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.CreateStream(R"(,"max_msg_size":4096)");
  WorkerLoop loop(Broker(server.url()), InBatches());
  loop.Produce(100);
  loop.Fill();
  loop.payload_bytes = 8192;
  loop.Produce(1);
  loop.Fill();
  loop.payload_bytes = 100;
  loop.Produce(100);
  // It blocks, as there is no box for dead letters.
  ASSERT_TRUE(loop.RunUntil([&] { return loop.settled() == 100 && loop.pipeline.blocked(); }));
  EXPECT_EQ(Numbers(&probe), UpTo(100));
}

// What continues the earlier batch is refused from the look on.
TEST(Batches, OfAnEndedConnectionAreEnded) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.CreateStream();
  if (!probe.AllowsBatches(kStream)) return;
  Late(&probe, 1, 1, BatchOperation::kStart);
  std::string reply;
  AppendBatchReply(kEarlier, 2, BatchOperation::kAppend, &reply);
  WorkerLoop next(Broker(server.url()), InBatches(), WorkerLoop::QuickOptions(), AfterBatch());
  ASSERT_TRUE(next.RunUntilOpen());
  EXPECT_NE(Late(&probe, 2, 2, BatchOperation::kAppend).find("10208"), std::string::npos);
  next.Produce(500);
  ASSERT_TRUE(next.RunUntilSettled());
  EXPECT_NE(Late(&probe, 2, 2, BatchOperation::kAppend).find("10208"), std::string::npos);
  EXPECT_NE(next.batch.id, kEarlier);
}

// Also if the stream no longer takes the subject that was noted.
TEST(Batches, AreEndedByAnySubjectOfTheStream) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.CreateStream();
  if (!probe.AllowsBatches(kStream)) return;
  for (const char* subject : {"fraiseql", "fraiseql.a", "other.a.b", "x", kSubject}) {
    Late(&probe, 1, 1, BatchOperation::kStart);
    ResumePoint from = AfterBatch();
    from.batch.subject = subject;
    WorkerLoop next(Broker(server.url()), InBatches(), WorkerLoop::QuickOptions(), from);
    ASSERT_TRUE(next.RunUntilOpen()) << subject;
    EXPECT_NE(Late(&probe, 2, 2, BatchOperation::kAppend).find("10208"), std::string::npos);
    probe.Api("STREAM.PURGE.fraiseql_events");
  }
}

// The beginning of an earlier batch arrives after the look; what would continue it was not sent.
TEST(Batches, OfAnEndedConnectionAreBegunOnce) {
  NatsServer server;
  BrokerProbe probe(server.url());
  probe.CreateStream();
  if (!probe.AllowsBatches(kStream)) return;
  ResumePoint from = AfterBatch();
  from.uncertain_before_lsn = 1000;
  WorkerLoop next(Broker(server.url()), InBatches(Exclusive::kOff), WorkerLoop::QuickOptions(),
                  from);
  ASSERT_TRUE(next.RunUntilOpen());
  Late(&probe, 1, 1, BatchOperation::kStart);
  next.Produce(100);
  ASSERT_TRUE(next.RunUntilSettled());
  EXPECT_EQ(Numbers(&probe), UpTo(100));
  Late(&probe, 1, 1, BatchOperation::kStart);  // its id is known
  EXPECT_EQ(Numbers(&probe), UpTo(100));
}

TEST(Batches, KnowTheNumbersOfTheirMessages) {
  Batches batches;
  batches.Begin(true);
  EXPECT_TRUE(batches.CanSend(false));
  EXPECT_FALSE(batches.TakesNext(100, false));
  batches.SentOutside("a", 99);
  EXPECT_FALSE(batches.CanSend(true));
  EXPECT_NE(batches.ToNote().id, 0u);
  batches.Noted(true);
  EXPECT_FALSE(batches.CanSend(true));
  ASSERT_TRUE(batches.CanSend(false) && batches.TakesNext(98, false));
  std::string reply = "1.8";
  batches.Send(8, false, &reply);
  EXPECT_EQ(reply.substr(0, 4), "1.8.");
  EXPECT_EQ(reply.substr(20), ".64.fail.1.0.$FI");
  EXPECT_FALSE(batches.CanSend(false));
  batches.Begun();
  for (const uint64_t sequence : {9, 11, 12, 20}) {
    ASSERT_TRUE(batches.CanSend(false));
    batches.Send(sequence, sequence == 20, &(reply = ""));
  }
  EXPECT_FALSE(batches.CanSend(false));
  for (const auto& [count, sequence] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, 0}, {1, 8}, {2, 9}, {3, 11}, {4, 12}, {5, 20}, {6, 0}}) {
    EXPECT_EQ(batches.SequenceOf(count), sequence);
  }
  EXPECT_FALSE(batches.Committed(4));
}

}  // namespace
}  // namespace fraiseql::nats::test
