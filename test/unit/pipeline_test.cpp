// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/pipeline.h"

#include <gtest/gtest.h>

#include "fake_broker.h"

namespace fraiseql {
namespace {

using State = Pipeline::State;

Status Busy() { return Status::Unavailable("no leader"); }
Status TooLarge() { return Status::Rejected("message is too large"); }

PipelineOptions TestOptions() {
  PipelineOptions options;
  options.window_messages = 8;
  options.ack_timeout_ms = 1000;
  options.min_delay_ms = 10;
  options.max_delay_ms = 100;
  return options;
}

// A pipeline and a broker that does what the test says.
class PipelineTest : public ::testing::Test {
 protected:
  using Ids = std::vector<std::string>;

  // Each message is a transaction that ends at 100 times its number.
  void Publish(const Ids& ids) {
    for (const std::string& id : ids) {
      Message* message = pipeline_.Add();
      message->AddHeader("Nats-Msg-Id", id);
      message->position = {lsn_ + 50, 1, 0};
      pipeline_.Seal();
      pipeline_.EndTransaction(lsn_ += 100);
    }
  }

  void Run(int64_t now_ms) { pipeline_.Run(now_ms); }

  // Opens and sends `ids`, at time 0.
  void Stream(const Ids& ids) {
    Publish(ids);
    Run(0);
    ASSERT_EQ(pipeline_.state(), State::kStreaming);
    ASSERT_EQ(broker_.waiting(), ids.size());
  }

  // The broker stores what is sent, until nothing more comes.
  void StoreAll(int64_t now_ms) {
    do {
      broker_.StoreAll();
      Run(now_ms);
    } while (broker_.waiting() > 0);
  }

  uint64_t settled() const { return pipeline_.window().settled_lsn(); }

  FakeBroker broker_;
  Pipeline pipeline_{&broker_, TestOptions()};
  uint64_t lsn_ = 0;
};

// Who dies before that would send what went with the stream before behind what is newer.
TEST(PipelineNotesStreams, SendsNothingToANewStreamBeforeItsMarkIsKept) {
  FakeBroker broker;
  PipelineOptions options = TestOptions();
  options.notes_streams = true;
  Pipeline pipeline(&broker, options);
  const auto publish = [&](uint64_t lsn) {
    Message* message = pipeline.Add();
    message->AddHeader("Nats-Msg-Id", std::to_string(lsn));
    message->position = {lsn - 50, 1, 0};
    pipeline.Seal();
    pipeline.EndTransaction(lsn);
    pipeline.Run(0);
  };
  publish(100);
  ASSERT_TRUE(pipeline.has_new_stream());
  EXPECT_EQ(broker.waiting(), 0u);
  pipeline.NoteStream();
  pipeline.Run(0);
  EXPECT_EQ(broker.waiting(), 1u);
  broker.StoreAll();
  pipeline.Run(0);
  ASSERT_EQ(pipeline.window().settled_lsn(), 100u);

  broker.Recreate();
  broker.Close();
  pipeline.Run(0);
  pipeline.Run(1000);
  publish(200);
  ASSERT_TRUE(pipeline.has_new_stream());
  EXPECT_EQ(broker.waiting(), 0u);
  EXPECT_EQ(pipeline.mark().sequence, 0u);
  EXPECT_EQ(pipeline.window().settled_lsn(), 100u);
  pipeline.NoteStream();
  pipeline.Run(1000);
  EXPECT_EQ(broker.waiting(), 1u);
}

// What the stream has let go of may be what is not read yet: whoever begins at the mark must learn
// of it.
TEST(PipelineMark, StaysWhereItIsUntilWhatWasLetGoOfIsGoneThrough) {
  FakeBroker broker;
  const auto publish = [](Pipeline* pipeline, uint64_t lsn) {
    Message* message = pipeline->Add();
    message->AddHeader("Nats-Msg-Id", std::to_string(lsn));
    message->position = {lsn - 50, 1, 0};
    pipeline->Seal();
    pipeline->EndTransaction(lsn);
  };
  const auto all = [&](Pipeline* pipeline) {
    for (const uint64_t lsn : {100, 200, 300}) publish(pipeline, lsn);
    pipeline->Run(0);
  };
  ResumePoint from;
  from.mark = {"1", 0};
  Pipeline first(&broker, TestOptions(), from);
  all(&first);
  broker.StoreAll();
  broker.Forget();
  broker.WaitOutDeduplication();
  broker.LetGo(0, 3);

  from.uncertain_before_lsn = 1000;
  Pipeline second(&broker, TestOptions(), from);
  second.Run(0);
  ASSERT_EQ(second.state(), State::kStreaming);
  EXPECT_EQ(second.mark().sequence, 0u);
  from.mark = second.mark();
  broker.Forget();

  Pipeline third(&broker, TestOptions(), from);
  all(&third);
  EXPECT_GE(third.twice().most, 3u);
  broker.StoreAll();
  third.Run(0);
  EXPECT_EQ(third.window().settled_lsn(), 300u);
  EXPECT_EQ(third.mark().sequence, 3u) << "then it goes on";
}

// The same of what this process has sent.
TEST_F(PipelineTest, TheMarkStaysWhereWhatWasSentMayHaveBeenLetGoOf) {
  Stream({"1", "2", "3"});
  const StreamMark before = pipeline_.mark();
  broker_.StoreAll();
  broker_.Close();
  broker_.replies().clear();
  broker_.LetGo(0, 3);
  Run(0);
  broker_.wire_capacity = 0;
  Run(1000);
  ASSERT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(settled(), 0u);
  EXPECT_EQ(pipeline_.mark().sequence, before.sequence);
}

TEST_F(PipelineTest, BelievesNoAcknowledgementOfWhatWasNotSent) {
  broker_.wire_capacity = 1;
  Publish({"a", "b", "c"});
  Run(0);
  ASSERT_EQ(broker_.waiting(), 1u);
  for (const uint64_t sequence : {uint64_t{0}, uint64_t{2}, uint64_t{3}, uint64_t{4}, UINT64_MAX}) {
    for (const bool through : {false, true}) {
      Reply reply;
      reply.sequence = sequence;
      reply.stream_sequence = 1;
      reply.through = through;
      broker_.replies().push_back(reply);
    }
  }
  Run(1);
  EXPECT_EQ(settled(), 0u);
  EXPECT_EQ(pipeline_.acked(), 0u);
  broker_.wire_capacity = SIZE_MAX;
  StoreAll(2);
  EXPECT_EQ(broker_.stream(), (Ids{"a", "b", "c"}));
  EXPECT_EQ(settled(), 300u);
}

TEST_F(PipelineTest, OpensTheSinkBeforeAnythingElse) {
  broker_.opens_at_once = false;
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
  EXPECT_EQ(pipeline_.WaitMs(0), 0);
  Publish({"a"});
  Run(0);
  Run(100000);
  EXPECT_EQ(pipeline_.state(), State::kOpening);
  EXPECT_EQ(pipeline_.WaitMs(100000), -1);
  EXPECT_EQ(broker_.opens(), 1);
  EXPECT_EQ(broker_.waiting(), 0u);
  broker_.FinishOpening();
  Run(100001);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(broker_.waiting(), 1u);
  EXPECT_EQ(pipeline_.failures(), 0u);
}

TEST_F(PipelineTest, SettlesWhatIsStored) {
  Stream({"a", "b", "c"});
  EXPECT_EQ(settled(), 0u);
  broker_.Store();
  broker_.Store();
  Run(1);
  EXPECT_EQ(settled(), 200u);
  Publish({"d"});
  Run(2);
  StoreAll(3);
  EXPECT_EQ(settled(), 400u);
  EXPECT_EQ(broker_.stream(), Ids({"a", "b", "c", "d"}));
}

TEST_F(PipelineTest, SettlesTransactionsWithoutMessagesWhileTheBrokerIsAway) {
  pipeline_.EndTransaction(50);
  EXPECT_EQ(settled(), 50u);
}

TEST_F(PipelineTest, SendsNoMoreThanTheSinkTakes) {
  broker_.wire_capacity = 2;
  Publish({"a", "b", "c"});
  Run(0);
  EXPECT_EQ(broker_.waiting(), 2u);
  broker_.Store();
  Run(1);
  EXPECT_EQ(broker_.waiting(), 2u);
  StoreAll(2);
  EXPECT_EQ(broker_.stream(), Ids({"a", "b", "c"}));
}

TEST_F(PipelineTest, FillsNoFurtherThanItsWindowWhileTheBrokerIsAway) {
  broker_.opens_to_refuse = 1000;
  int published = 0;
  for (int64_t now = 0; now < 1000; ++now) {
    if (pipeline_.HasRoom()) {
      Publish({std::to_string(published++)});
    }
    Run(now);
  }
  EXPECT_EQ(published, 8);
  EXPECT_EQ(settled(), 0u);
}

TEST_F(PipelineTest, WaitsLongerAfterEachFailureInARow) {
  broker_.opens_to_refuse = 6;
  int64_t now = 0;
  Run(now);
  for (const int64_t delay : {10, 20, 40, 80, 100, 100}) {
    ASSERT_EQ(pipeline_.state(), State::kWaiting);
    EXPECT_EQ(pipeline_.trouble().message(), "connection refused");
    EXPECT_EQ(pipeline_.WaitMs(now), delay);
    EXPECT_EQ(pipeline_.WaitMs(now + delay - 1), 1);
    EXPECT_EQ(pipeline_.WaitMs(now + delay + 5), 0);
    const int opens = broker_.opens();
    Run(now + delay - 1);
    EXPECT_EQ(broker_.opens(), opens);
    Run(now += delay);
    EXPECT_EQ(broker_.opens(), opens + 1);
  }
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(pipeline_.failures(), 6u);
}

TEST_F(PipelineTest, WaitsLongerWhenTheBrokerOpensButStoresNothing) {
  Stream({"a"});
  int64_t now = 0;
  for (const int64_t delay : {10, 20, 40, 80, 100, 100}) {
    broker_.Reject(Busy());
    Run(now);
    EXPECT_EQ(pipeline_.WaitMs(now), delay);
    Run(now += delay);
    ASSERT_EQ(pipeline_.state(), State::kStreaming);
  }
}

TEST_F(PipelineTest, WaitsShortAgainOnceAMessageIsStored) {
  Stream({"a", "b"});
  broker_.Reject(Busy());
  Run(0);
  Run(10);
  broker_.Reject(Busy());
  Run(10);
  EXPECT_EQ(pipeline_.WaitMs(10), 20);
  Run(30);
  broker_.Store();
  Run(31);
  broker_.Reject(Busy());
  Run(31);
  EXPECT_EQ(pipeline_.WaitMs(31), 10);
}

TEST_F(PipelineTest, SendsNothingAfterARefusalUntilItHasOpenedAgain) {
  Stream({"a", "b"});
  broker_.Reject(Busy());
  Run(1);
  Publish({"c"});
  Run(2);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
  EXPECT_EQ(pipeline_.trouble().message(), "no leader");
  EXPECT_EQ(broker_.waiting(), 1u);
  Run(11);
  EXPECT_EQ(broker_.opens(), 2);
  StoreAll(12);
  EXPECT_EQ(settled(), 300u);
}

TEST_F(PipelineTest, SendsOneMessageAtATimeAfterAFailureUntilOneIsStored) {
  Stream({"a", "b", "c"});
  for (int i = 0; i < 3; ++i) broker_.Reject(Busy());
  Run(1);
  Run(20);
  EXPECT_EQ(broker_.waiting(), 1u);
  broker_.Reject(Busy());
  Run(21);
  Run(100);
  EXPECT_EQ(broker_.waiting(), 1u);
  broker_.Store();
  Run(101);
  EXPECT_EQ(broker_.waiting(), 2u);
}

TEST_F(PipelineTest, TakesManyRefusalsForOneFailure) {
  Stream({"a", "b", "c"});
  for (int i = 0; i < 3; ++i) broker_.Reject(Busy());
  Run(1);
  EXPECT_EQ(pipeline_.failures(), 1u);
  EXPECT_EQ(pipeline_.WaitMs(1), 10);
}

TEST_F(PipelineTest, FailsOnARefusalOfNoMessageInParticular) {
  Stream({"a"});
  broker_.replies().push_back({0, false, 0, Status::Unavailable("stream is gone"), false, false});
  Run(1);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
  EXPECT_EQ(pipeline_.trouble().message(), "stream is gone");
}

TEST_F(PipelineTest, BlocksOnARefusedMessageUntilTheBrokerRelents) {
  Stream({"a", "b"});
  broker_.Store();
  broker_.Reject(TooLarge());
  Run(1);
  for (int64_t now = 1; now < 500; now += 100) {
    EXPECT_TRUE(pipeline_.blocked());
    EXPECT_EQ(pipeline_.trouble().code(), StatusCode::kRejected);
    EXPECT_GT(pipeline_.WaitMs(now), 0);
    EXPECT_EQ(settled(), 100u);
    Run(now + 100);
    ASSERT_EQ(broker_.waiting(), 1u);
    broker_.Reject(TooLarge());
    Run(now + 100);
  }
  Run(1000);
  StoreAll(1001);
  EXPECT_EQ(settled(), 200u);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(broker_.stream(), Ids({"a", "b"}));
}

TEST_F(PipelineTest, BlocksOnAMessageThatTheSinkRejects) {
  broker_.too_large = {"b"};
  Publish({"a", "b", "c"});
  Run(0);
  EXPECT_TRUE(pipeline_.blocked());
  EXPECT_EQ(pipeline_.WaitMs(0), 10);
  StoreAll(1);
  EXPECT_EQ(settled(), 100u);
  broker_.too_large.clear();
  Run(100);
  StoreAll(101);
  EXPECT_EQ(settled(), 300u);
  EXPECT_EQ(broker_.stream(), Ids({"a", "b", "c"}));
  EXPECT_EQ(pipeline_.order_breaks(), 0u);
}

TEST_F(PipelineTest, CountsABreakThoughTheAcknowledgementOfTheLaterMessageIsLost) {
  Stream({"a", "b"});
  broker_.Reject(Busy());
  broker_.Store();
  broker_.replies().pop_back();
  Run(1);
  Run(20);
  StoreAll(21);
  EXPECT_EQ(broker_.stream(), Ids({"b", "a"}));
  EXPECT_EQ(pipeline_.order_breaks(), 1u);
}

TEST_F(PipelineTest, CountsNoBreakWhenOnlyAnAcknowledgementIsLost) {
  Stream({"a", "b"});
  broker_.StoreAll();
  broker_.replies().pop_front();
  Run(1);
  Run(1001);
  Run(2001);
  StoreAll(2002);
  EXPECT_EQ(settled(), 200u);
  EXPECT_EQ(pipeline_.order_breaks(), 0u);
}

TEST_F(PipelineTest, CountsMessagesStoredBeforeARefusedOne) {
  Stream({"a", "b", "c", "d"});
  broker_.Store();
  broker_.Reject(Busy());
  StoreAll(1);
  EXPECT_EQ(settled(), 100u);
  Run(20);
  EXPECT_EQ(broker_.waiting(), 1u);
  StoreAll(21);
  EXPECT_EQ(settled(), 400u);
  EXPECT_EQ(broker_.stream(), Ids({"a", "c", "d", "b"}));
  EXPECT_EQ(pipeline_.order_breaks(), 1u);
}

TEST_F(PipelineTest, SendsAgainWhatIsNotStoredAfterTheConnectionIsLost) {
  Stream({"a", "b", "c"});
  broker_.Store();
  Run(1);
  broker_.Store();
  broker_.replies().clear();
  broker_.Close(1);
  Run(2);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
  EXPECT_EQ(pipeline_.trouble().message(), "connection lost");
  Run(12);
  StoreAll(13);
  EXPECT_EQ(broker_.stream(), Ids({"a", "b", "c"}));
  EXPECT_EQ(settled(), 300u);
  EXPECT_EQ(pipeline_.sent(), 4u);
  EXPECT_EQ(pipeline_.resent(), 1u);
  EXPECT_EQ(pipeline_.acked(), 3u);
  EXPECT_EQ(pipeline_.found(), 1u);
  EXPECT_EQ(pipeline_.failures(), 1u);
  EXPECT_EQ(pipeline_.order_breaks(), 0u);
}

TEST_F(PipelineTest, TakesAcknowledgementsWhileItWaits) {
  Stream({"a", "b"});
  broker_.StoreAll();
  broker_.silent = true;
  broker_.Close();
  Run(1);
  broker_.silent = false;
  Run(2);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
  EXPECT_EQ(settled(), 200u);
  Run(11);
  EXPECT_EQ(broker_.waiting(), 0u);
}

TEST_F(PipelineTest, TakesAcknowledgementsThatComeAfterTheNextAttempt) {
  Stream({"a", "b"});
  Run(1000);
  Run(1010);
  ASSERT_EQ(broker_.wires(), 2u);
  broker_.Store(0);
  Run(1011);
  EXPECT_EQ(settled(), 100u);
  StoreAll(1012);
  EXPECT_EQ(settled(), 200u);
  EXPECT_EQ(pipeline_.acked(), 2u);
  EXPECT_EQ(broker_.stream(), Ids({"a", "b"}));
}

TEST_F(PipelineTest, CountsEachAcknowledgementOnce) {
  Stream({"a", "b"});
  broker_.StoreAll();
  broker_.replies().push_back(broker_.replies().front());
  Run(1);
  broker_.replies().push_back({1, true, 1, Status::Ok(), false, false});
  broker_.replies().push_back({99, false, 99, Status::Ok(), false, false});
  Run(2);
  EXPECT_EQ(pipeline_.acked(), 2u);
}

TEST_F(PipelineTest, GivesUpWhenNothingIsAcknowledged) {
  Stream({"a", "b"});
  EXPECT_EQ(pipeline_.WaitMs(0), 1000);
  EXPECT_EQ(pipeline_.WaitMs(400), 600);
  EXPECT_EQ(pipeline_.WaitMs(5000), 0);
  Run(999);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  Run(1000);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
  EXPECT_EQ(pipeline_.trouble().code(), StatusCode::kUnavailable);
  EXPECT_EQ(pipeline_.trouble().message(), "no acknowledgement within 1000 ms");
  EXPECT_EQ(pipeline_.WaitMs(1000), 10);
}

TEST_F(PipelineTest, GivesTheRestTimeWhenTheOldestIsAcknowledged) {
  Stream({"a", "b"});
  broker_.Store();
  Run(900);
  EXPECT_EQ(pipeline_.WaitMs(900), 1000);
  Run(1899);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  Run(1900);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
}

TEST_F(PipelineTest, GivesUpWhenOnlyLaterMessagesAreAcknowledged) {
  Stream({"a", "b"});
  broker_.Drop();
  broker_.Store();
  Run(900);
  EXPECT_EQ(pipeline_.WaitMs(900), 100);
  Run(1000);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
}

TEST_F(PipelineTest, GivesAMessageSentAgainItsFullTime) {
  Stream({"a"});
  Run(1000);
  Run(1010);
  EXPECT_EQ(pipeline_.WaitMs(1010), 1000);
}

TEST_F(PipelineTest, HasNoTimeoutWhileNothingIsInFlight) {
  Stream({"a"});
  StoreAll(1);
  EXPECT_EQ(pipeline_.WaitMs(1), -1);
  Run(1000000);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  Publish({"b"});
  Run(2000000);
  EXPECT_EQ(pipeline_.WaitMs(2000000), 1000);
  Run(2000999);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(pipeline_.failures(), 0u);
}

TEST_F(PipelineTest, SaysWhenTheSinkHasChangedSinceItLooked) {
  EXPECT_FALSE(pipeline_.HasWork());
  broker_.opens_at_once = false;
  broker_.wire_capacity = 1;
  Publish({"a", "b"});
  Run(0);
  EXPECT_FALSE(pipeline_.HasWork());
  broker_.FinishOpening();
  EXPECT_TRUE(pipeline_.HasWork());
  Run(1);
  EXPECT_FALSE(pipeline_.HasWork());  // full
  broker_.Store();
  EXPECT_TRUE(pipeline_.HasWork());
  Run(2);
  broker_.Close();
  EXPECT_TRUE(pipeline_.HasWork());
  Run(3);
  EXPECT_FALSE(pipeline_.HasWork());
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
}

TEST_F(PipelineTest, AnOpeningThatFailsIsNoticed) {
  broker_.opens_at_once = false;
  Run(0);
  broker_.Close();
  EXPECT_TRUE(pipeline_.HasWork());
  Run(1);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
}

TEST_F(PipelineTest, RestartOpensAtOnce) {
  broker_.opens_to_refuse = 3;
  for (const int64_t now : {0, 10, 30}) Run(now);
  ASSERT_EQ(pipeline_.WaitMs(30), 40);
  pipeline_.Restart();
  EXPECT_EQ(broker_.opens(), 4);
  Run(31);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  broker_.Close();
  Run(32);
  EXPECT_EQ(pipeline_.WaitMs(32), 10);
}

TEST_F(PipelineTest, RestartSendsAgainWhatIsNotAcknowledged) {
  Stream({"a", "b"});
  broker_.Store();
  broker_.Drop();
  pipeline_.Restart();
  Run(1);
  EXPECT_EQ(settled(), 100u);
  EXPECT_EQ(broker_.waiting(), 1u);
  StoreAll(2);
  EXPECT_EQ(settled(), 200u);
  EXPECT_EQ(pipeline_.failures(), 0u);
}

TEST_F(PipelineTest, RemembersTheLastTroubleAfterItIsOver) {
  broker_.opens_to_refuse = 1;
  Run(0);
  Run(10);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(pipeline_.trouble().message(), "connection refused");
  EXPECT_EQ(pipeline_.failures(), 1u);
}

}  // namespace
}  // namespace fraiseql
