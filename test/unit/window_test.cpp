// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/window.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dice.h"

namespace fraiseql {
namespace {

constexpr size_t kAnyBytes = 1 << 20;

void AddMessage(Window* window, size_t payload_bytes = 0) {
  window->Add()->payload.assign(payload_bytes, 'x');
  window->Seal();
}

void AddMessages(Window* window, int count) {
  for (int i = 0; i < count; ++i) AddMessage(window);
}

// Sends all that waits; the numbers sent.
std::vector<uint64_t> SendAll(Window* window) {
  std::vector<uint64_t> sent;
  uint64_t sequence = 0;
  while (window->NextToSend(&sequence) != nullptr) {
    window->Sent(sequence);
    sent.push_back(sequence);
  }
  return sent;
}

using Sequences = std::vector<uint64_t>;

TEST(Window, IsEmptyAtFirst) {
  Window window(4, kAnyBytes);
  uint64_t sequence = 0;
  EXPECT_TRUE(window.empty());
  EXPECT_TRUE(window.HasRoom());
  EXPECT_EQ(window.size(), 0u);
  EXPECT_EQ(window.bytes(), 0u);
  EXPECT_EQ(window.settled_lsn(), 0u);
  EXPECT_EQ(window.NextToSend(&sequence), nullptr);
  EXPECT_FALSE(window.Ack(0));
  EXPECT_FALSE(window.Ack(1));
}

TEST(Window, NumbersMessagesFromOneInOrder) {
  Window window(2, kAnyBytes);
  AddMessages(&window, 2);
  EXPECT_EQ(SendAll(&window), Sequences({1, 2}));
  EXPECT_EQ(window.in_flight(), 2u);
  EXPECT_TRUE(window.Ack(1));
  EXPECT_TRUE(window.Ack(2));
  AddMessages(&window, 2);
  EXPECT_EQ(SendAll(&window), Sequences({3, 4}));
}

TEST(Window, KeepsContentsUntilAcknowledged) {
  Window window(3, kAnyBytes);
  for (const char* payload : {"one", "two", "three"}) {
    window.Add()->payload = payload;
    window.Seal();
  }
  EXPECT_TRUE(window.Ack(1));
  uint64_t sequence = 0;
  EXPECT_EQ(window.NextToSend(&sequence)->payload, "two");
  EXPECT_EQ(sequence, 2u);
  EXPECT_EQ(window.at(3).payload, "three");
}

TEST(Window, AMessageNotSealedIsNotPartOfIt) {
  Window window(2, kAnyBytes);
  window.Add()->payload = "rejected";
  uint64_t sequence = 0;
  EXPECT_EQ(window.NextToSend(&sequence), nullptr);
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.Add()->size(), 0u);
}

TEST(Window, ConfirmsOnlyPastOldestUnacked) {
  Window window(4, kAnyBytes);
  for (uint64_t lsn = 100; lsn <= 300; lsn += 100) {
    AddMessage(&window);
    window.EndTransaction(lsn);
  }
  SendAll(&window);
  EXPECT_TRUE(window.Ack(2));
  EXPECT_TRUE(window.Ack(3));
  EXPECT_EQ(window.settled_lsn(), 0u);
  EXPECT_EQ(window.first(), 1u);
  EXPECT_TRUE(window.Ack(1));
  EXPECT_EQ(window.settled_lsn(), 300u);
  EXPECT_TRUE(window.empty());
}

TEST(Window, ConfirmsNoPartOfATransaction) {
  Window window(4, kAnyBytes);
  AddMessages(&window, 1);
  window.EndTransaction(100);
  AddMessages(&window, 2);
  SendAll(&window);
  window.Ack(1);
  window.Ack(2);
  window.Ack(3);
  EXPECT_EQ(window.settled_lsn(), 100u);
  window.EndTransaction(200);
  EXPECT_EQ(window.settled_lsn(), 200u);
}

TEST(Window, ConfirmsTransactionsWithoutMessages) {
  Window window(4, kAnyBytes);
  window.EndTransaction(100);
  EXPECT_EQ(window.settled_lsn(), 100u);
  AddMessage(&window);
  window.EndTransaction(200);
  window.EndTransaction(300);
  EXPECT_EQ(window.settled_lsn(), 100u);
  SendAll(&window);
  window.Ack(1);
  EXPECT_EQ(window.settled_lsn(), 300u);
}

TEST(Window, HoldsAnyNumberOfTransactionsWithoutMessages) {
  Window window(2, kAnyBytes);
  AddMessage(&window);
  for (uint64_t lsn = 1; lsn <= 10000; ++lsn) window.EndTransaction(lsn);
  AddMessage(&window);
  for (uint64_t lsn = 10001; lsn <= 20000; ++lsn) window.EndTransaction(lsn);
  SendAll(&window);
  window.Ack(1);
  EXPECT_EQ(window.settled_lsn(), 10000u);
  window.Ack(2);
  EXPECT_EQ(window.settled_lsn(), 20000u);
}

TEST(Window, TakesEachAcknowledgementOnce) {
  Window window(4, kAnyBytes);
  AddMessages(&window, 2);
  SendAll(&window);
  EXPECT_TRUE(window.Ack(2));
  EXPECT_FALSE(window.Ack(2));
  EXPECT_TRUE(window.Ack(1));
  EXPECT_FALSE(window.Ack(1));
  EXPECT_FALSE(window.Ack(3));
  AddMessage(&window);
  EXPECT_FALSE(window.Ack(2));
  EXPECT_EQ(window.size(), 1u);
}

TEST(Window, RewindSendsAgainWhatIsNotAcknowledged) {
  Window window(8, kAnyBytes);
  AddMessages(&window, 6);
  SendAll(&window);
  for (const uint64_t sequence : {1, 3, 6}) window.Ack(sequence);
  window.Rewind();
  EXPECT_EQ(window.in_flight(), 0u);
  AddMessage(&window);
  EXPECT_EQ(SendAll(&window), Sequences({2, 4, 5, 7}));
}

TEST(Window, TakesALateAcknowledgementAfterRewind) {
  Window window(4, kAnyBytes);
  AddMessages(&window, 3);
  window.EndTransaction(100);
  SendAll(&window);
  window.Rewind();
  EXPECT_TRUE(window.Ack(2));
  EXPECT_TRUE(window.Ack(1));
  EXPECT_EQ(SendAll(&window), Sequences({3}));
  EXPECT_TRUE(window.Ack(3));
  EXPECT_EQ(window.settled_lsn(), 100u);
}

TEST(Window, CountsWhereTheStreamGoesBack) {
  Window window(8, kAnyBytes);
  AddMessages(&window, 5);
  SendAll(&window);
  window.Ack(1, 11);
  window.Ack(3, 12);
  window.Ack(2, 14);
  EXPECT_EQ(window.order_breaks(), 1u);
  window.Ack(4, 0);
  window.Ack(5, 13);
  EXPECT_EQ(window.order_breaks(), 1u);
}

TEST(Window, HasRoomForSoManyMessages) {
  Window window(3, kAnyBytes);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(window.HasRoom());
    AddMessage(&window);
  }
  EXPECT_FALSE(window.HasRoom());
  SendAll(&window);
  window.Ack(2);
  EXPECT_FALSE(window.HasRoom());
  window.Ack(1);
  EXPECT_TRUE(window.HasRoom());
  EXPECT_EQ(window.size(), 1u);
}

TEST(Window, HasRoomForSoManyBytes) {
  Window window(100, 1000);
  AddMessage(&window, 999);
  EXPECT_TRUE(window.HasRoom());
  AddMessage(&window, 1);
  EXPECT_FALSE(window.HasRoom());
  EXPECT_EQ(window.bytes(), 1000u);
  window.Ack(1);
  EXPECT_TRUE(window.HasRoom());
  EXPECT_EQ(window.bytes(), 1u);
}

TEST(Window, HasRoomForOneMessageHoweverLarge) {
  Window window(100, 1000);
  AddMessage(&window, 5000);
  EXPECT_FALSE(window.HasRoom());
  window.Ack(1);
  EXPECT_TRUE(window.HasRoom());
  EXPECT_EQ(window.bytes(), 0u);
}

TEST(Window, KeepsSmallBuffersAndGivesBackLargeOnes) {
  Window window(1, kAnyBytes);
  AddMessage(&window, 1000);
  window.Ack(1);
  EXPECT_GE(window.Add()->payload.capacity(), 1000u);
  AddMessage(&window, 100000);
  window.Ack(2);
  const Message* recycled = window.Add();
  EXPECT_LE(recycled->payload.capacity(), 4096u);
  EXPECT_EQ(recycled->size(), 0u);
}

// What a window should be, kept in the most naive way: everything for ever, counted each time.
class Model {
 public:
  struct Entry {
    size_t bytes;
    bool acked;
  };

  void Add(size_t bytes) { entries_.push_back({bytes, false}); }
  void EndTransaction(uint64_t lsn) { ends_.push_back({entries_.size(), lsn}); }

  bool Ack(uint64_t sequence) {
    if (sequence == 0 || sequence > entries_.size() || entries_[sequence - 1].acked) return false;
    return entries_[sequence - 1].acked = true;
  }

  size_t settled_messages() const {
    const auto unknown = std::find_if(entries_.begin(), entries_.end(),
                                      [](const Entry& entry) { return !entry.acked; });
    return static_cast<size_t>(unknown - entries_.begin());
  }

  uint64_t settled_lsn() const {
    uint64_t lsn = 0;
    for (const auto& [messages, end_lsn] : ends_) {
      if (messages <= settled_messages()) lsn = end_lsn;
    }
    return lsn;
  }

  size_t bytes() const {
    size_t sum = 0;
    for (size_t i = settled_messages(); i < entries_.size(); ++i) sum += entries_[i].bytes;
    return sum;
  }

  Sequences Unacked() const {
    Sequences unacked;
    for (uint64_t s = 1; s <= entries_.size(); ++s) {
      if (!entries_[s - 1].acked) unacked.push_back(s);
    }
    return unacked;
  }

  size_t size() const { return entries_.size(); }

 private:
  std::vector<Entry> entries_;
  std::vector<std::pair<size_t, uint64_t>> ends_;  // messages before the end, its LSN
};

// Does anything at all that is allowed, to a window and to the model of it.
class WindowProperty {
 public:
  explicit WindowProperty(uint64_t seed)
      : dice_(seed),
        max_messages_(1 + dice_.Below(12)),
        max_bytes_(1 + dice_.Below(600)),
        window_(max_messages_, max_bytes_) {}

  void Run(int steps) {
    while (steps-- > 0 && !::testing::Test::HasFailure()) {
      Step();
      Check();
    }
  }

 private:
  void Step() {
    switch (dice_.Below(6)) {
      case 0:
      case 1:
        if (window_.HasRoom()) Add(dice_.Below(dice_.Percent(5) ? 9000 : 200));
        break;
      case 2:
        window_.EndTransaction(++lsn_);
        model_.EndTransaction(lsn_);
        break;
      case 3:
        if (uint64_t sequence = 0; window_.NextToSend(&sequence) != nullptr) window_.Sent(sequence);
        break;
      case 4:
        AckAnyOf(8);
        break;
      case 5:
        if (dice_.Percent(20)) CheckRewind();
        break;
    }
  }

  void Add(size_t bytes) {
    AddMessage(&window_, bytes);
    model_.Add(bytes);
    largest_ = std::max(largest_, bytes);
  }

  // Sometimes of one long settled, or not there yet.
  void AckAnyOf(uint64_t around) {
    const uint64_t sequence = model_.settled_messages() + dice_.Below(around);
    EXPECT_EQ(window_.Ack(sequence), model_.Ack(sequence));
  }

  void CheckRewind() {
    window_.Rewind();
    if (dice_.Percent(50)) {
      EXPECT_EQ(SendAll(&window_), model_.Unacked());
    }
  }

  void Check() {
    EXPECT_EQ(window_.settled_lsn(), model_.settled_lsn());
    EXPECT_EQ(window_.first(), model_.settled_messages() + 1);
    EXPECT_EQ(window_.size(), model_.size() - model_.settled_messages());
    EXPECT_EQ(window_.bytes(), model_.bytes());
    EXPECT_LE(window_.first(), window_.next());
    EXPECT_LE(window_.in_flight(), window_.size());
    EXPECT_LE(window_.size(), max_messages_);
    EXPECT_LT(window_.bytes(), max_bytes_ + largest_ + 1);
  }

  Dice dice_;
  const size_t max_messages_;
  const size_t max_bytes_;
  Window window_;
  Model model_;
  uint64_t lsn_ = 0;
  size_t largest_ = 0;
};

TEST(Window, AgreesWithItsModelWhateverHappens) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    WindowProperty(seed).Run(300);
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace fraiseql
