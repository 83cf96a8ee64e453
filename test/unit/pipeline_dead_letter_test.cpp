// SPDX-License-Identifier: PostgreSQL
//
// Messages that can never be stored, with somewhere to put them.
#include <gtest/gtest.h>

#include <set>

#include "core/pipeline/pipeline.h"
#include "dice.h"
#include "fake_broker.h"

namespace fraiseql {
namespace {

using State = Pipeline::State;
using Ids = std::vector<std::string>;

Status TooLarge() { return Status::Rejected("message is too large"); }

class FakeBox final : public DeadLetterBox {
 public:
  Status Store(const Message& message, const Status& reason) override {
    if (full) return Status::Unavailable("no space left on device");
    kept.emplace_back(FindHeader(message.headers, "Nats-Msg-Id"));
    last_reason = reason.message();
    return Status::Ok();
  }
  bool full = false;
  Ids kept;
  std::string last_reason;
};

class DeadLetterTest : public ::testing::Test {
 protected:
  DeadLetterTest() { pipeline_.SetDeadLetterBox(&box_); }

  static PipelineOptions Options() {
    PipelineOptions options;
    options.window_messages = 8;
    options.ack_timeout_ms = 1000;
    options.min_delay_ms = 10;
    options.max_delay_ms = 100;
    return options;
  }

  void Build(const std::string& id) { pipeline_.Add()->AddHeader("Nats-Msg-Id", id); }

  // Each message is a transaction that ends at 100 times its number.
  void Publish(const Ids& ids) {
    for (const std::string& id : ids) {
      Build(id);
      pipeline_.Seal();
      pipeline_.EndTransaction(lsn_ += 100);
    }
  }

  void StoreAll(int64_t now_ms) {
    do {
      broker_.StoreAll();
      pipeline_.Run(now_ms);
    } while (broker_.waiting() > 0);
  }

  uint64_t settled() const { return pipeline_.window().settled_lsn(); }

  FakeBroker broker_;
  FakeBox box_;
  Pipeline pipeline_{&broker_, Options()};
  uint64_t lsn_ = 0;
};

TEST_F(DeadLetterTest, TheOthersGoOnInOrderWithoutThoseThatTheSinkRejects) {
  broker_.too_large = {"a", "c", "d"};
  Publish({"a", "b", "c", "d", "e"});
  pipeline_.Run(0);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(box_.kept, Ids({"a", "c", "d"}));
  EXPECT_EQ(settled(), 100u);
  StoreAll(1);
  EXPECT_EQ(broker_.stream(), Ids({"b", "e"}));
  EXPECT_EQ(settled(), 500u);
  EXPECT_EQ(broker_.opens(), 1);
  EXPECT_EQ(pipeline_.dead_letters(), 3u);
  EXPECT_EQ(pipeline_.acked(), 2u);
  EXPECT_EQ(pipeline_.failures(), 0u);
  EXPECT_EQ(pipeline_.order_breaks(), 0u);
}

TEST_F(DeadLetterTest, TheOthersGoOnWithoutThoseThatTheBrokerRefusesForGood) {
  Publish({"a", "b", "c"});
  pipeline_.Run(0);
  broker_.Store();
  broker_.Reject(TooLarge());
  StoreAll(1);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(box_.kept, Ids({"b"}));
  EXPECT_EQ(box_.last_reason, "message is too large");
  EXPECT_EQ(broker_.stream(), Ids({"a", "c"}));
  EXPECT_EQ(settled(), 300u);
  EXPECT_EQ(broker_.opens(), 1);
}

TEST_F(DeadLetterTest, IsNotSentAgainAfterAFailure) {
  Publish({"a", "b", "c"});
  pipeline_.Run(0);
  broker_.Reject(Status::Unavailable("no leader"));
  broker_.Reject(TooLarge());
  pipeline_.Run(1);
  EXPECT_TRUE(box_.kept.empty());  // after the failure nothing is believed until all is sent again
  pipeline_.Run(20);
  broker_.Store();
  pipeline_.Run(21);
  broker_.Reject(TooLarge());
  pipeline_.Run(22);
  EXPECT_EQ(box_.kept, Ids({"b"}));
  broker_.Close();
  pipeline_.Run(23);
  pipeline_.Run(100);
  StoreAll(101);
  EXPECT_EQ(box_.kept, Ids({"b"}));
  EXPECT_EQ(broker_.stream(), Ids({"a", "c"}));
  EXPECT_EQ(settled(), 300u);
}

TEST_F(DeadLetterTest, OnlyWhatIsRefusedForGoodIsOne) {
  Publish({"a"});
  pipeline_.Run(0);
  for (const Status& status : {Status::Unavailable("stream is full"), Status::Invalid("no stream"),
                               Status::Internal("a bug")}) {
    broker_.Reject(status);
    pipeline_.Run(1);
    EXPECT_EQ(pipeline_.state(), State::kWaiting);
    pipeline_.Restart();
    pipeline_.Run(1);
  }
  broker_.replies().push_back({0, false, 0, TooLarge()});  // of no message in particular
  pipeline_.Run(2);
  EXPECT_EQ(pipeline_.state(), State::kWaiting);
  EXPECT_TRUE(box_.kept.empty());
  EXPECT_EQ(settled(), 0u);
}

TEST_F(DeadLetterTest, AMessageIsKeptOnceHoweverOftenItIsRefused) {
  Publish({"a", "b"});
  pipeline_.Run(0);
  broker_.Reject(TooLarge());
  broker_.replies().push_back(broker_.replies().front());
  pipeline_.Run(1);
  EXPECT_EQ(box_.kept, Ids({"a"}));
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
}

TEST_F(DeadLetterTest, AWindowFullOfThemMakesRoom) {
  for (int i = 0; i < 8; ++i) {
    broker_.too_large.insert(std::to_string(i));
    Publish({std::to_string(i)});
  }
  EXPECT_FALSE(pipeline_.HasRoom());
  pipeline_.Run(0);
  EXPECT_TRUE(pipeline_.HasRoom());
  EXPECT_TRUE(pipeline_.window().empty());
  EXPECT_EQ(pipeline_.WaitMs(0), -1);
  EXPECT_EQ(settled(), 800u);
}

TEST_F(DeadLetterTest, BlocksWhileItCannotBeKept) {
  box_.full = true;
  broker_.too_large = {"b"};
  Publish({"a", "b", "c"});
  pipeline_.Run(0);
  EXPECT_TRUE(pipeline_.blocked());
  EXPECT_EQ(pipeline_.trouble().message(), "no space left on device");
  StoreAll(1);
  EXPECT_EQ(settled(), 100u);
  box_.full = false;
  pipeline_.Run(50);
  StoreAll(51);
  EXPECT_EQ(pipeline_.state(), State::kStreaming);
  EXPECT_EQ(broker_.stream(), Ids({"a", "c"}));
  EXPECT_EQ(settled(), 300u);
}

TEST_F(DeadLetterTest, BlocksWithoutABox) {
  pipeline_.SetDeadLetterBox(nullptr);
  broker_.too_large = {"a"};
  Publish({"a", "b"});
  pipeline_.Run(0);
  ASSERT_TRUE(pipeline_.blocked());
  broker_.opens_at_once = false;
  pipeline_.Run(100);
  ASSERT_EQ(pipeline_.state(), State::kOpening);
  EXPECT_TRUE(pipeline_.blocked());  // also while it is tried again
  broker_.FinishOpening();
  pipeline_.Run(101);
  EXPECT_EQ(pipeline_.failures(), 2u);
  EXPECT_TRUE(pipeline_.blocked());
  broker_.opens_at_once = true;
  pipeline_.SetDeadLetterBox(&box_);
  pipeline_.Run(200);
  StoreAll(201);
  EXPECT_EQ(box_.kept, Ids({"a"}));
  EXPECT_EQ(broker_.stream(), Ids({"b"}));
}

TEST_F(DeadLetterTest, OnlyTheOneThatIsSkippedIsOneWithoutABox) {
  pipeline_.SetDeadLetterBox(nullptr);
  broker_.too_large = {"a", "b"};
  for (const std::string id : {"a", "b", "c"}) {
    Message* message = pipeline_.Add();
    message->AddHeader("Nats-Msg-Id", id);
    message->position = {lsn_ += 100, 1, 0};
    pipeline_.Seal();
    pipeline_.EndTransaction(lsn_);
  }
  pipeline_.Run(0);
  ASSERT_TRUE(pipeline_.blocked());
  EXPECT_EQ(pipeline_.blocked_at(), (Position{100, 1, 0}));
  pipeline_.Skip({300, 1, 0}, &box_);  // it does not block
  pipeline_.Restart();
  pipeline_.Run(10);
  EXPECT_EQ(pipeline_.blocked_at(), (Position{100, 1, 0}));
  pipeline_.Skip({100, 1, 0}, &box_);
  pipeline_.Restart();
  pipeline_.Run(20);
  ASSERT_TRUE(pipeline_.blocked());
  EXPECT_EQ(pipeline_.blocked_at(), (Position{200, 1, 0}));
  EXPECT_EQ(box_.kept, Ids({"a"}));
  pipeline_.Skip({200, 1, 0}, &box_);
  pipeline_.Restart();
  pipeline_.Run(30);
  StoreAll(31);
  EXPECT_EQ(box_.kept, Ids({"a", "b"}));
  EXPECT_EQ(broker_.stream(), Ids({"c"}));
  EXPECT_EQ(settled(), 300u);
}

// Where not each message is acknowledged, the last one that is sent has to be.
TEST_F(DeadLetterTest, TheMessageBeforeOneIsAcknowledged) {
  broker_.chained = true;
  broker_.too_large = {"b", "c", "e"};
  Publish({"a", "b", "c"});
  pipeline_.Run(0);
  StoreAll(1);
  EXPECT_EQ(settled(), 300u);
  Publish({"d", "e"});
  pipeline_.Run(2);
  EXPECT_EQ(box_.kept, Ids({"b", "c", "e"}));
  broker_.Close(1);  // d has to be sent again, with what is settled behind it
  pipeline_.Run(3);
  pipeline_.Run(20);
  StoreAll(21);
  EXPECT_EQ(settled(), 500u);
  EXPECT_EQ(broker_.stream(), Ids({"a", "d"}));
  EXPECT_EQ(broker_.opens(), 2);
}

TEST_F(DeadLetterTest, AMessageThatCannotBeBuiltLeavesNoTraceInTheWindow) {
  Publish({"a"});
  Build("b");
  EXPECT_TRUE(pipeline_.Reject(Status::Rejected("invalid subject")).ok());
  pipeline_.EndTransaction(lsn_ += 100);
  Publish({"c"});
  pipeline_.Run(0);
  StoreAll(1);
  EXPECT_EQ(box_.kept, Ids({"b"}));
  EXPECT_EQ(broker_.stream(), Ids({"a", "c"}));
  EXPECT_EQ(settled(), 300u);

  box_.full = true;
  Build("d");
  EXPECT_EQ(pipeline_.Reject(TooLarge()).message(), "no space left on device");
  pipeline_.SetDeadLetterBox(nullptr);
  EXPECT_EQ(pipeline_.Reject(TooLarge()).message(), TooLarge().message());
}

TEST_F(DeadLetterTest, AStreamOfThemAndOfAllOtherTroubleLosesAndDoublesNothing) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Dice dice(seed);
    FakeBroker broker;
    FakeBox box;
    Pipeline pipeline(&broker, Options());
    pipeline.SetDeadLetterBox(&box);
    Ids good, bad;
    uint64_t lsn = 0;
    int64_t now = 0;
    std::set<std::string> refused;
    while (pipeline.window().settled_lsn() < 100) {
      if (lsn < 100 && pipeline.HasRoom()) {
        const std::string id = std::to_string(lsn);
        Message* message = pipeline.Add();
        message->AddHeader("Nats-Msg-Id", id);
        message->position = {lsn, 1, 0};
        pipeline.Seal();
        pipeline.EndTransaction(++lsn);
        (dice.Percent(30) ? bad : good).push_back(id);
        if (!bad.empty() && bad.back() == id && dice.Percent(50)) broker.too_large.insert(id);
        if (!bad.empty() && bad.back() == id) refused.insert(id);
      }
      pipeline.Run(now += 5);
      if (broker.waiting() == 0) continue;
      if (refused.count(broker.oldest()) > 0) {
        broker.Reject(TooLarge());
      } else if (dice.Percent(5)) {
        broker.Close(dice.Below(3));
      } else {
        broker.Store();
      }
    }
    ASSERT_EQ(broker.stream(), good) << "seed " << seed;
    ASSERT_EQ(std::set<std::string>(box.kept.begin(), box.kept.end()),
              std::set<std::string>(bad.begin(), bad.end()));
    ASSERT_EQ(box.kept.size(), bad.size()) << "seed " << seed;
    ASSERT_EQ(pipeline.order_breaks(), 0u);
  }
}

}  // namespace
}  // namespace fraiseql
