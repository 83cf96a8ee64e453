// SPDX-License-Identifier: PostgreSQL
//
// The promises, against a broker and a network that fail in every way we know, and a sender that
// dies at any moment: nothing lost, nothing twice, in order unless the broker refuses one message
// and takes a later one.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "core/pipeline/pipeline.h"
#include "dice.h"
#include "fake_broker.h"

namespace fraiseql {
namespace {

constexpr size_t kLargestPayload = 20000;
constexpr size_t kAnyHeaders = 100;

// What is to be sent: transactions of messages.  It can be read again from any transaction.
struct Log {
  struct Entry {
    std::string id;    // of a message; empty at the end of a transaction
    size_t bytes = 0;  // of the message
    uint64_t end_lsn = 0;
    Position position = {};  // of the message
  };

  explicit Log(Dice* dice) {
    uint64_t lsn = 1000;
    for (uint64_t transactions = 1 + dice->Below(40); transactions > 0; --transactions) {
      const uint64_t messages = dice->Below(dice->Percent(10) ? 40 : 4);
      lsn += 1 + dice->Below(500);
      for (uint64_t ordinal = 1; ordinal <= messages; ++ordinal) {
        ids.push_back("message-" + std::to_string(ids.size()));
        entries.push_back({ids.back(),
                           dice->Below(dice->Percent(5) ? kLargestPayload : 100),
                           0,
                           {lsn - 1, ordinal, 0}});
      }
      entries.push_back({{}, 0, lsn, {}});
    }
  }

  uint64_t end_lsn() const { return entries.back().end_lsn; }

  // The first entry that is not confirmed when the log is confirmed up to `lsn`.
  size_t After(uint64_t lsn) const {
    size_t begin = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].id.empty() && entries[i].end_lsn <= lsn) begin = i + 1;
    }
    return begin;
  }

  std::vector<Entry> entries;
  std::vector<std::string> ids;
};

// Probabilities of each trouble, in percent of the occasions.
struct Faults {
  uint64_t refuse = 0;  // a message, for the time being
  uint64_t reject = 0;  // a message, as it is
  uint64_t drop = 0;    // a message, without a word
  uint64_t close = 0;   // the connection breaks
  uint64_t refuse_open = 0;
  uint64_t slow_open = 0;
  uint64_t lose_reply = 0;
  uint64_t repeat_reply = 0;
  uint64_t reorder_replies = 0;
  uint64_t silence = 0;  // begins, and ends
  uint64_t slow = 0;     // messages stay on the wire for a while
  uint64_t crash = 0;    // of the sender
  uint64_t outage = 0;   // longer than the broker remembers ids
  uint64_t foreign = 0;  // somebody else writes to the stream
  // Not among any:
  uint64_t recreate = 0;  // the stream is deleted and made again
  uint64_t limits = 0;    // the stream removes messages: its oldest, or some
  uint64_t purge = 0;     // all

  // Any mixture, so that each trouble is also seen alone and none hides another.
  static Faults Any(Dice* dice) {
    Faults faults;
    for (uint64_t* fault :
         {&faults.refuse, &faults.reject, &faults.drop, &faults.close, &faults.refuse_open,
          &faults.slow_open, &faults.lose_reply, &faults.repeat_reply, &faults.reorder_replies,
          &faults.silence, &faults.slow, &faults.crash, &faults.outage, &faults.foreign}) {
      if (dice->Percent(35)) *fault = 1 + dice->Below(dice->Percent(20) ? 60 : 10);
    }
    return faults;
  }

  // Those after which order still holds.
  Faults WithoutGaps() const {
    Faults faults = *this;
    faults.refuse = faults.reject = faults.drop = 0;
    return faults;
  }
};

// A sender that reads the log into a pipeline, a broker, and what goes wrong between them.
class Simulation {
 public:
  explicit Simulation(uint64_t seed)
      : dice_(seed), log_(&dice_), faults_(Faults::Any(&dice_)), options_(AnyOptions(&dice_)) {
    broker_.opens_at_once = false;
    if (dice_.Percent(30)) broker_.wire_capacity = 1 + dice_.Below(8);
    Start();
  }

  const Log& log() const { return log_; }
  Faults* faults() { return &faults_; }
  void Chain() { broker_.chained = true; }
  const FakeBroker& broker() const { return broker_; }
  uint64_t order_breaks() const { return pipeline_->order_breaks(); }
  // How many messages may be stored twice, as was told.
  uint64_t told() const {
    uint64_t most = 0;
    for (const Pipeline::Twice& twice : told_) most += twice.most;
    return most;
  }
  // Whether this one was among them.
  bool IsTold(const std::string& id) const {
    const auto entry = std::find_if(log_.entries.begin(), log_.entries.end(),
                                    [&](const Log::Entry& any) { return any.id == id; });
    return std::any_of(told_.begin(), told_.end(), [&](const Pipeline::Twice& twice) {
      return !(entry->position < twice.first) && entry->position.commit_lsn < twice.before_lsn;
    });
  }

  // A while of troubles, then peace, until everything is settled.
  void Run() {
    for (int i = 0; i < 400 && !done(); ++i) {
      SendStep();
      BrokerStep();
      CheckSettled();
      if (dice_.Percent(faults_.crash)) Crash();
      if (dice_.Percent(faults_.outage)) Outage();
      if (dice_.Percent(faults_.foreign)) broker_.StoreForeign();
      if (dice_.Percent(faults_.recreate)) broker_.Recreate();
      if (dice_.Percent(faults_.limits)) KeepLimits();
      if (dice_.Percent(faults_.purge)) broker_.LetGo(0, broker_.length());
      now_ += static_cast<int64_t>(dice_.Below(dice_.Percent(10) ? 400 : 10));
    }
    faults_ = {};
    broker_.silent = false;
    broker_.opens_to_refuse = 0;
    for (int i = 0; i < 2000 && !done(); ++i) {
      SendStep();
      if (!BrokerStep()) WaitAsTold();
      CheckSettled();
    }
    EXPECT_TRUE(done()) << "no progress in peace";
  }

 private:
  static PipelineOptions AnyOptions(Dice* dice) {
    PipelineOptions options;
    options.window_messages = 1 + dice->Below(32);
    options.window_bytes = 1 + dice->Below(4000);
    options.ack_timeout_ms = 200;
    options.max_delay_ms = 100;
    options.notes_streams = true;
    return options;
  }

  uint64_t settled() const { return std::max(confirmed_, pipeline_->window().settled_lsn()); }
  bool done() const { return settled() == log_.end_lsn(); }

  void Start() {
    pipeline_ = std::make_unique<Pipeline>(
        &broker_, options_, ResumePoint{mark_, mark_.sequence, confirmed_, through_, horizon_, {}});
    read_ = log_.After(confirmed_);
  }

  void Crash() {
    broker_.Forget();
    Start();
  }

  // Of connection or sender.
  void Outage() {
    if (dice_.Percent(50)) {
      Crash();
    } else {
      broker_.Close();
    }
    broker_.StoreAll();
    broker_.WaitOutDeduplication();
  }

  // The newest stays.
  void KeepLimits() {
    const size_t length = broker_.length();
    if (length == 0) return;
    const size_t first = dice_.Percent(50) ? 0 : dice_.Below(length);
    broker_.LetGo(first, std::min(first + 1 + dice_.Below(length), length - 1));
  }

  void SendStep() {
    for (uint64_t budget = dice_.Below(40); budget > 0 && read_ < log_.entries.size(); --budget) {
      if (!ReadEntry()) break;
    }
    pipeline_->Run(now_);
    if (pipeline_->twice().most > 0) {
      told_.push_back(pipeline_->twice());
      pipeline_->ForgetTwice();
    }
    if (pipeline_->has_new_stream()) {
      confirmed_ = settled();
      SaveMark();
      pipeline_->NoteStream();
    }
    EXPECT_GE(pipeline_->WaitMs(now_), -1);
    EXPECT_LE(pipeline_->window().size(), options_.window_messages);
    EXPECT_LT(pipeline_->window().bytes(), options_.window_bytes + kLargestPayload + kAnyHeaders);
  }

  bool ReadEntry() {
    const Log::Entry& entry = log_.entries[read_];
    if (entry.id.empty()) {
      pipeline_->EndTransaction(entry.end_lsn);
      horizon_ = std::max(horizon_, entry.end_lsn);
    } else {
      if (!pipeline_->HasRoom()) return false;
      horizon_ = std::max(horizon_, entry.position.commit_lsn + 1);
      Message* message = pipeline_->Add();
      message->AddHeader("Nats-Msg-Id", entry.id);
      message->position = entry.position;
      message->payload.assign(entry.bytes, 'x');
      pipeline_->Seal();
    }
    ++read_;
    return true;
  }

  // Everything that is settled is stored, whatever else is true.
  void CheckSettled() {
    for (const size_t end = log_.After(settled()); checked_ < end; ++checked_) {
      const std::string& id = log_.entries[checked_].id;
      EXPECT_TRUE(id.empty() || broker_.Stores(id)) << id << " is settled and not stored";
    }
    // The slot is told now and then; after a crash, reading begins where it was told last.
    if (!dice_.Percent(50)) return;
    confirmed_ = settled();
    // The slot is saved first, so that a mark is never ahead of it.
    if (dice_.Percent(70)) SaveMark();
  }

  void SaveMark() {
    mark_ = pipeline_->mark();
    through_ = std::max(through_, pipeline_->window().settled_through());
  }

  // False if the broker had nothing to do.
  bool BrokerStep() {
    bool busy = broker_.state() == Sink::State::kOpening;
    if (busy && !dice_.Percent(faults_.slow_open)) {
      if (dice_.Percent(faults_.refuse_open)) broker_.opens_to_refuse = 1;
      broker_.FinishOpening();
    }
    while (!dice_.Percent(faults_.slow)) {
      const std::vector<size_t> wires = WiresWithMessages();
      if (wires.empty()) break;
      TakeOne(wires[dice_.Below(wires.size())]);
      busy = true;
    }
    DisturbReplies();
    if (dice_.Percent(faults_.close)) broker_.Close(dice_.Below(4));
    return busy || !broker_.replies().empty();
  }

  std::vector<size_t> WiresWithMessages() const {
    std::vector<size_t> wires;
    for (size_t wire = 0; wire < broker_.wires(); ++wire) {
      if (broker_.waiting(wire) > 0) wires.push_back(wire);
    }
    return wires;
  }

  void TakeOne(size_t wire) {
    if (dice_.Percent(faults_.refuse)) {
      broker_.Reject(wire, Status::Unavailable("no leader"));
    } else if (dice_.Percent(faults_.reject)) {
      broker_.Reject(wire, Status::Rejected("too large"));
    } else if (dice_.Percent(faults_.drop)) {
      broker_.Drop(wire);
    } else {
      broker_.Store(wire);
    }
  }

  void DisturbReplies() {
    std::deque<Reply>& replies = broker_.replies();
    const auto any = [&] {
      return replies.begin() + static_cast<std::ptrdiff_t>(dice_.Below(replies.size()));
    };
    if (dice_.Percent(faults_.silence)) broker_.silent = !broker_.silent;
    if (!replies.empty() && dice_.Percent(faults_.repeat_reply)) replies.push_back(*any());
    if (!replies.empty() && dice_.Percent(faults_.reorder_replies)) std::iter_swap(any(), any());
    if (!replies.empty() && dice_.Percent(faults_.lose_reply)) replies.erase(any());
  }

  // As the worker does: when nothing comes from outside, only the clock can help.
  void WaitAsTold() {
    const int64_t wait = pipeline_->WaitMs(now_);
    if (wait > 0) now_ += wait;
  }

  Dice dice_;
  const Log log_;
  Faults faults_;
  const PipelineOptions options_;
  FakeBroker broker_;
  std::unique_ptr<Pipeline> pipeline_;
  int64_t now_ = 0;
  size_t read_ = 0;         // next entry of the log to read
  size_t checked_ = 0;      // entries known to be stored
  uint64_t confirmed_ = 0;  // what the slot was told
  StreamMark mark_{"1", 0};
  Position through_;
  uint64_t horizon_ = 0;  // end of what was ever read
  std::vector<Pipeline::Twice> told_;
};

using Ids = std::vector<std::string>;

Ids Sorted(Ids ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

Ids Repeated(Ids ids) {
  ids = Sorted(std::move(ids));
  Ids repeated;
  for (size_t i = 1; i < ids.size(); ++i) {
    if (ids[i] == ids[i - 1]) repeated.push_back(ids[i]);
  }
  return repeated;
}

// Runs `check` for many simulations, until one fails.
template <typename Check>
void ForManySeeds(uint64_t seeds, Check check) {
  for (uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed);
    check(&simulation);
  }
}

TEST(PipelineCrash, EveryMessageIsStoredOnceWhateverFails) {
  int with_gaps = 0;
  ForManySeeds(3000, [&](Simulation* simulation) {
    simulation->Run();
    EXPECT_EQ(Sorted(simulation->broker().stream()), Sorted(simulation->log().ids));
    if (simulation->broker().gaps() == 0) {
      EXPECT_EQ(simulation->broker().stream(), simulation->log().ids);
    } else {
      ++with_gaps;
    }
  });
  EXPECT_GT(with_gaps, 400);
}

TEST(PipelineCrash, OrderHoldsUnlessTheBrokerTakesOneMessageBeforeAnother) {
  ForManySeeds(2000, [](Simulation* simulation) {
    *simulation->faults() = simulation->faults()->WithoutGaps();
    simulation->Run();
    EXPECT_EQ(simulation->broker().stream(), simulation->log().ids);
  });
}

TEST(PipelineCrash, ChainedMessagesAreStoredOnceInOrderWhateverFails) {
  int with_gaps = 0;
  ForManySeeds(3000, [&](Simulation* simulation) {
    simulation->Chain();
    simulation->Run();
    EXPECT_EQ(simulation->broker().stream(), simulation->log().ids);
    with_gaps += simulation->broker().gaps() > 0 ? 1 : 0;
  });
  EXPECT_GT(with_gaps, 400);
}

// Whether `some` of the ids come as they do in `all` of them.
bool IsInOrder(const Ids& some, const Ids& all) {
  auto at = all.begin();
  for (const std::string& id : some) {
    at = std::find(at, all.end(), id);
    if (at == all.end()) return false;
  }
  return true;
}

// What was stored is gone; what is stored since then is stored once.
TEST(PipelineCrash, NothingIsStoredTwiceInAStreamThatIsDeletedAndMadeAgain) {
  int disordered = 0;
  for (const bool chained : {false, true}) {
    ForManySeeds(6000, [&, chained](Simulation* simulation) {
      if (chained) simulation->Chain();
      simulation->faults()->recreate = 3;
      simulation->Run();
      const Ids stream = Sorted(simulation->broker().stream());
      EXPECT_EQ(std::adjacent_find(stream.begin(), stream.end()), stream.end());
      const Ids& ids = simulation->log().ids;
      disordered += chained && !IsInOrder(simulation->broker().stream(), ids) ? 1 : 0;
      for (const std::string& id : simulation->log().ids) {
        EXPECT_TRUE(simulation->broker().Stores(id)) << id << " is lost";
      }
    });
  }
  // What a dead connection still brings may fit the new stream by chance.
  EXPECT_LT(disordered, 10);
}

// Its newest message stays, as with any limit.
TEST(PipelineCrash, WhatAStreamHasLetGoIsNotStoredAgain) {
  for (const bool chained : {false, true}) {
    ForManySeeds(3000, [=](Simulation* simulation) {
      if (chained) simulation->Chain();
      *simulation->faults() = simulation->faults()->WithoutGaps();
      simulation->faults()->foreign = 0;
      simulation->faults()->limits = 1 + simulation->log().ids.size() % 30;
      simulation->Run();
      EXPECT_EQ(simulation->broker().stream(), simulation->log().ids);
    });
  }
}

// Behind the newest that is left, or after a purge, nobody can know: nothing is lost.
TEST(PipelineCrash, NothingIsLostNorTwiceInAStreamThatIsPurged) {
  for (const bool chained : {false, true}) {
    ForManySeeds(3000, [=](Simulation* simulation) {
      if (chained) simulation->Chain();
      *simulation->faults() = simulation->faults()->WithoutGaps();
      simulation->faults()->limits = 1 + simulation->log().ids.size() % 30;
      simulation->faults()->purge = 2;
      simulation->Run();
      EXPECT_EQ(simulation->broker().twice(), 0);
      for (const std::string& id : simulation->log().ids) {
        EXPECT_TRUE(simulation->broker().Stores(id)) << id << " is lost";
      }
      const Ids repeated = Repeated(simulation->broker().stream());
      EXPECT_LE(repeated.size(), simulation->told());
      for (const std::string& id : repeated) {
        EXPECT_TRUE(simulation->IsTold(id)) << id << " was let go of, and stored again in silence";
      }
    });
  }
}

// A sender that dies, or is not told, does not know where its last messages stand.
TEST(PipelineCrash, OrderIsBrokenWhenAndOnlyWhenABreakIsCounted) {
  int broken = 0;
  ForManySeeds(2000, [&](Simulation* simulation) {
    Faults* faults = simulation->faults();
    faults->crash = faults->outage = faults->close = faults->lose_reply = 0;
    simulation->Run();
    const bool in_order = simulation->broker().stream() == simulation->log().ids;
    EXPECT_EQ(simulation->order_breaks() == 0, in_order);
    broken += in_order ? 0 : 1;
  });
  EXPECT_GT(broken, 400);
}

}  // namespace
}  // namespace fraiseql
