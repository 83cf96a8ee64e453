// SPDX-License-Identifier: PostgreSQL
//
// However many movers there are, and whenever they die: one dead letter for each consumer and
// message, with a stream that forgets ids after 100 ms.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "dead_letters.h"

namespace fraiseql::nats::test {
namespace {

TEST_F(DeadLetters, AreStoredOnceByTwoMovers) {
  DeadLetterMover one;
  DeadLetterMover two;
  StartAndWait(&one);
  StartAndWait(&two);
  MakeConsumer("worker");
  for (int i = 0; i < 200; ++i) Publish(std::to_string(i));
  Refuse("worker");
  EXPECT_TRUE(Eventually([&] { return one.snapshot().moved + two.snapshot().moved == 200; }));
  EXPECT_TRUE(Eventually([&] { return Advisories() == 0; }));
  EXPECT_EQ(Letters().size(), 200u);
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
  // A life of which none is long enough to store a letter would show nothing: they get longer until
  // some are.
  unsigned longest_life_ms = 40;
  int lives = 0;
  size_t left_before = Advisories();
  const auto die_and_go_on = [&] {
    DeadLetterMover& mover = movers[random() % 2];
    if (mover.running()) mover.Stop();
    EXPECT_TRUE(mover.Start(Broker(url), settings).ok());
    poll(nullptr, 0, static_cast<int>(random() % longest_life_ms));
    const size_t left = Advisories();
    if (++lives % 10 == 0) {
      if (left == left_before) longest_life_ms *= 2;
      left_before = left;
    }
    return left == 0;
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
  // It is counted behind the acknowledgement.
  ASSERT_TRUE(Eventually([&] { return mover.snapshot().already_there > 0; }));
  EXPECT_EQ(mover.snapshot().already_there, 1u);
  EXPECT_EQ(mover.snapshot().moved, 0u);
  EXPECT_EQ(Letters().size(), 1u);
}

}  // namespace
}  // namespace fraiseql::nats::test
