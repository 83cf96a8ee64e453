// SPDX-License-Identifier: PostgreSQL
//
// What a look into the stream concludes, with a JetStream that the test plays: a replica that is
// behind its leader, and streams that have let go of messages.
#include "nats/publish/stream_opening.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/change/position.h"
#include "nats/connection/library_session.h"

namespace fraiseql::nats::test {
namespace {

constexpr char kOrigin[] = "77.5";
constexpr int kEnd = 5;  // of the stream

std::string PositionOf(int sequence) {
  std::string position;
  AppendPosition({static_cast<uint64_t>(sequence), 1, 0}, &position);
  return position;
}

// A stream of five places with one message of ours each, but for those that were let go of, and a
// consumer that delivers them.
class PlayedJetStream final : public Connection {
 public:
  // `pulls`: what each request for more delivers, before 408 (silence).
  PlayedJetStream(std::string retention, int replicas, std::vector<int> held,
                  std::vector<std::vector<int>> pulls = {})
      : Connection(nullptr),
        retention_(std::move(retention)),
        replicas_(replicas),
        held_(std::move(held)),
        pulls_(std::move(pulls)) {}

  int socket() const override { return 0; }
  bool wants_write() const override { return false; }
  void Process(bool, bool) override {}
  Status Check() const override { return {}; }
  std::string_view refusal() const override { return {}; }
  Status Publish(const Message&, const std::string&, std::string_view) override { return {}; }
  bool NextAck(Delivery*) override { return false; }
  size_t unsent_bytes() const override { return 0; }

  Status Request(const std::string& subject, const std::string& body,
                 const std::string& reply) override {
    const auto asks = [&](const char* what) { return subject.find(what) != std::string::npos; };
    const std::string address = reply.substr(1);
    if (asks("STREAM.INFO")) Answer(address, Info());
    if (asks("CONSUMER.CREATE")) {
      Answer(address, R"({"name":"reader","num_pending":)" + std::to_string(held_.size()) + "}");
    }
    if (asks("STREAM.MSG.GET") && asks_for_last(body)) Answer(address, Get(held_.back()));
    if (asks("STREAM.MSG.GET") && !asks_for_last(body)) {
      Answer(address, Next(std::stoi(body.substr(body.find("seq\":") + 5))));
    }
    if (asks("MSG.NEXT")) Deliver(address);
    return {};
  }

  bool NextAnswer(Delivery* delivery) override {
    if (incoming_.empty()) return false;
    now_ = incoming_.front();
    incoming_.pop_front();
    *delivery = {now_.address, now_.data, now_.reply, false};
    return true;
  }

  std::string_view DeliveredHeader(const char* name) const override {
    const std::string_view wanted(name);
    if (wanted == "Status") return now_.status;
    if (wanted == "Fraiseql-Position") return now_.position;
    return wanted == "Fraiseql-Origin" && !now_.position.empty() ? kOrigin : std::string_view();
  }

  bool asked_consumer() const { return asked_consumer_; }

  std::string created = "2026-11-23T23:26:36Z";
  std::string leader = "node1";

 private:
  struct Incoming {
    std::string address;
    std::string data;
    std::string reply;
    std::string status;
    std::string position;
  };

  static bool asks_for_last(const std::string& body) {
    return body.find("last_by_subj") != std::string::npos;
  }

  void Answer(const std::string& address, const std::string& data) {
    incoming_.push_back({address, data, {}, {}, {}});
  }

  std::string Info() const {
    return R"({"created":")" + created + R"(","config":{"retention":")" + retention_ +
           R"(","num_replicas":)" + std::to_string(replicas_) +
           R"(,"subjects":["fraiseql.>"]},"cluster":{"leader":")" + leader +
           R"("},"state":{"last_seq":5,"messages":)" + std::to_string(held_.size()) +
           R"(,"first_ts":"2026-11-23T23:26:37.5Z"}})";
  }

  static std::string Get(int sequence) {
    // NATS/1.0\r\nFraiseql-Origin: 77.5\r\nFraiseql-Position: 0/4:1\r\n\r\n
    const char* headers =
        sequence == 4
            ? "TkFUUy8xLjANCkZyYWlzZXFsLU9yaWdpbjogNzcuNQ0KRnJhaXNlcWwtUG9zaXRpb246IDAvNDox"
              "DQoNCg=="
            : "";
    return R"({"message":{"subject":"a","time":"2026-11-23T23:26:36Z","data":"","seq":)" +
           std::to_string(sequence) + R"(,"hdrs":")" + headers + R"("}})";
  }

  std::string Next(int from) const {
    for (const int sequence : held_) {
      if (sequence >= from) return Get(sequence);
    }
    return R"({"error":{"code":404,"err_code":10037,"description":"no message found"}})";
  }

  void Deliver(const std::string& address) {
    asked_consumer_ = true;
    const std::vector<int> pull = pulls_.empty() ? std::vector<int>() : pulls_.front();
    if (!pulls_.empty()) pulls_.erase(pulls_.begin());
    for (const int sequence : pull) {
      const std::string number = std::to_string(sequence);
      const std::string pending = sequence == held_.back() ? "0" : "1";
      incoming_.push_back(
          {"", "",
           "$JS.ACK.events.reader.1." + number + "." + number + ".1763940396000000000." + pending,
           "", PositionOf(sequence)});
    }
    incoming_.push_back({address, "", "", "408", ""});
  }

  const std::string retention_;
  const int replicas_;
  const std::vector<int> held_;
  std::vector<std::vector<int>> pulls_;
  std::deque<Incoming> incoming_;
  Incoming now_;
  bool asked_consumer_ = false;
};

// What is said of our messages 1 to 6: h(eld), g(one), m(issing), u(nknown); or why it fails.
std::string Look(PlayedJetStream* jetstream) {
  StreamSettings settings;
  settings.name = "events";
  settings.origin = kOrigin;
  settings.exclusive = Exclusive::kOff;
  ResumePoint from;
  from.mark = {"2026-11-23T23:26:36Z", 0};
  StreamOpening opening;
  opening.Begin(jetstream, settings, from);
  opening.TakeAnswers();
  if (opening.state() != StreamOpening::State::kDone) return opening.status().message();
  Opened opened = opening.TakeOpened();
  if (!opened.loss.ok()) return "lost: " + opened.loss.message();
  StreamContents contents = std::move(opened.contents);
  std::string said;
  for (int sequence = 1; sequence <= kEnd + 1; ++sequence) {
    const auto presence = contents.Classify({static_cast<uint64_t>(sequence), 1, 0});
    said.push_back("hgmu"[static_cast<int>(presence)]);
  }
  return said;
}

TEST(StreamOpening, FindsWhatTheStreamHoldsAndWhereItHasLetGo) {
  PlayedJetStream whole("limits", 1, {1, 2, 3, 4, 5}, {{1, 2, 3, 4, 5}});
  EXPECT_EQ(Look(&whole), "hhhhhm");
  PlayedJetStream limited("limits", 1, {2, 4, 5}, {{2, 4, 5}});
  EXPECT_EQ(Look(&limited), "ghghhm");
  PlayedJetStream purged_behind("limits", 1, {2}, {{2}});
  EXPECT_EQ(Look(&purged_behind), "ghuuum");
  PlayedJetStream purged("limits", 1, {});
  EXPECT_EQ(Look(&purged), "uuuuum");
}

// nats-server 2.9 tells another time of creation after a change of the configuration and a restart.
TEST(StreamOpening, KnowsAStreamThatIsOlderThanItsCreation) {
  PlayedJetStream changed("limits", 1, {1, 2, 3, 4, 5}, {{1, 2, 3, 4, 5}});
  changed.created = "2026-11-23T23:26:38Z";
  EXPECT_EQ(Look(&changed), "hhhhhm");
  PlayedJetStream emptied("limits", 1, {});
  emptied.created = "2026-11-23T23:26:38Z";
  EXPECT_EQ(Look(&emptied), "uuuuum");
  PlayedJetStream another("limits", 1, {1, 2, 3, 4, 5}, {{1, 2, 3, 4, 5}});
  another.created = "2026-11-23T23:26:37Z";
  EXPECT_EQ(Look(&another),
            "lost: stream \"events\" was deleted and recreated, and its messages "
            "are gone");
}

// Then any server answers, and may be far behind.
TEST(StreamOpening, BelievesNoServerWhileThereIsNoLeader) {
  PlayedJetStream replicated("limits", 3, {1, 2, 3, 4, 5}, {{1, 2, 3, 4, 5}});
  replicated.leader = "";
  EXPECT_EQ(Look(&replicated), "stream \"events\" has no leader at present");
  PlayedJetStream alone("limits", 1, {1, 2, 3, 4, 5}, {{1, 2, 3, 4, 5}});
  alone.leader = "";
  EXPECT_EQ(Look(&alone), "hhhhhm");
}

// What an opening says of a stream whose end it has seen at 7, and finds at 5.
std::string LookAgain(StreamOpening* opening, PlayedJetStream* jetstream, int64_t now_ms) {
  StreamSettings settings;
  settings.name = "events";
  ResumePoint from;
  from.mark = {"2026-11-23T23:26:36Z", 5};
  from.seen = 7;
  opening->Tick(now_ms);
  opening->Begin(jetstream, settings, from);
  opening->TakeAnswers();
  if (opening->state() != StreamOpening::State::kDone) return opening->status().message();
  return opening->TakeOpened().loss.message();
}

// One that has just begun to lead, or does not know that it has ceased to.
TEST(StreamOpening, GivesALeaderTimeToFindWhatWasAcknowledged) {
  PlayedJetStream replicated("limits", 3, {1, 2, 3, 4, 5});
  StreamOpening opening;
  const std::string ends = ": it ended at 7, and now ends at 5";
  const std::string waits =
      "the leader of stream \"events\" does not have messages that were acknowledged" + ends;
  const std::string lost = "stream \"events\" has lost messages that it had acknowledged" + ends;
  EXPECT_EQ(LookAgain(&opening, &replicated, 1000), waits);
  EXPECT_EQ(LookAgain(&opening, &replicated, 10999), waits);
  EXPECT_EQ(LookAgain(&opening, &replicated, 11000), lost);
  PlayedJetStream alone("limits", 1, {1, 2, 3, 4, 5});
  EXPECT_EQ(LookAgain(&opening, &alone, 12000), lost);
}

TEST(StreamOpening, WaitsForAReplicaThatIsBehindItsLeader) {
  PlayedJetStream silent("limits", 3, {1, 2, 3, 4, 5}, {{1}, {}, {2, 3}, {}, {}, {4, 5}});
  EXPECT_EQ(Look(&silent), "hhhhhm");
}

TEST(StreamOpening, BelievesAReplicaWhenTheLeaderHoldsNoMoreEither) {
  PlayedJetStream limited("limits", 3, {2, 3}, {{}, {2}, {3}});
  EXPECT_EQ(Look(&limited), "ghhuum");
  PlayedJetStream purged("limits", 3, {});
  EXPECT_EQ(Look(&purged), "uuuuum");
}

TEST(StreamOpening, FailsWhenAReplicaStaysBehind) {
  PlayedJetStream stuck("limits", 3, {1, 2, 3, 4, 5}, {{1, 2}});
  EXPECT_EQ(Look(&stuck), "a replica of stream \"events\" is behind its leader");
}

TEST(StreamOpening, LooksAtTheLastMessageOfAStreamThatLosesWhatIsConsumed) {
  for (const char* retention : {"workqueue", "interest"}) {
    PlayedJetStream ours(retention, 1, {3, 4});
    EXPECT_EQ(Look(&ours), "ggghum") << "what is older than the last one was there";
    EXPECT_FALSE(ours.asked_consumer()) << "which would consume, or keep, what is of others";
    PlayedJetStream foreign(retention, 1, {3, 5});
    EXPECT_EQ(Look(&foreign), "uuuuum");
  }
}

}  // namespace
}  // namespace fraiseql::nats::test
