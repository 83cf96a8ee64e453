// SPDX-License-Identifier: PostgreSQL
//
// What the server refuses for good becomes a dead letter, and the rest goes on in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "broker_probe.h"
#include "nats/connection/refused_subjects.h"
#include "nats_server.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

constexpr char kDenied[] =
    R"(authorization: {users: [{user: joe, password: x, permissions: {publish:
         {allow: ["fraiseql.>", "$JS.>"], deny: ["fraiseql.denied.>"]}, subscribe: "_INBOX.>"}}]})";
constexpr char kAllowed[] = R"(authorization: {users: [{user: joe, password: x}]})";

class KeepingBox final : public DeadLetterBox {
 public:
  Status Store(const Message& message, const Status& reason) override {
    subjects.push_back(message.subject);
    reasons.push_back(reason.message());
    return Status::Ok();
  }
  std::vector<std::string> subjects;
  std::vector<std::string> reasons;
};

std::string Url(const NatsServer& server) {
  return "nats://joe:x@127.0.0.1:" + std::to_string(server.port());
}

std::vector<std::string> StoredNumbers(const NatsServer& server) {
  std::vector<std::string> numbers;
  for (const auto& message : BrokerProbe(Url(server)).Messages("fraiseql_events")) {
    numbers.push_back(message.payload.substr(0, message.payload.find(' ')));
  }
  return numbers;
}

TEST(RefusedForGood, ADeniedSubjectStopsNothingElseAndCostsOneConnection) {
  NatsServer server(kDenied);
  KeepingBox box;
  WorkerLoop loop(Broker(Url(server)));
  loop.pipeline.SetDeadLetterBox(&box);
  std::vector<std::string> expected;
  for (int i = 1; i <= 300; ++i) {
    const bool denied = i % 3 == 0;
    loop.subject = denied ? "fraiseql.denied.row" : "fraiseql.test.row";
    if (!denied) expected.push_back(std::to_string(i));
    loop.Produce(1);
    loop.Fill();
  }
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(box.subjects, std::vector<std::string>(100, "fraiseql.denied.row"));
  EXPECT_NE(box.reasons[0].find("Publish to \"fraiseql.denied.row\""), std::string::npos);
  EXPECT_EQ(StoredNumbers(server), expected);
  EXPECT_EQ(loop.publisher.connects(), 2u);
  EXPECT_EQ(loop.pipeline.order_breaks(), 0u);
}

TEST(RefusedForGood, EachDeniedSubjectIsFoundOut) {
  NatsServer server(kDenied);
  KeepingBox box;
  WorkerLoop loop(Broker(Url(server)));
  loop.pipeline.SetDeadLetterBox(&box);
  std::vector<std::string> denied;
  // Also one that the server quotes, and one that the library cuts off.
  for (const std::string& token : {std::string("a"), std::string("b"), std::string("q\"uo\\te"),
                                   std::string("no\u00A0break"), std::string(1000, 'x')}) {
    denied.push_back("fraiseql.denied." + token);
    loop.subject = denied.back();
    loop.Produce(1);
    loop.Fill();
    loop.subject = "fraiseql.test.row";
    loop.Produce(1);
    loop.Fill();
  }
  ASSERT_TRUE(loop.RunUntilSettled());
  // In any order: of several refusals that come at once, the library tells the last.
  std::sort(box.subjects.begin(), box.subjects.end());
  std::sort(denied.begin(), denied.end());
  EXPECT_EQ(box.subjects, denied);
  EXPECT_EQ(StoredNumbers(server), std::vector<std::string>({"2", "4", "6", "8", "10"}));
}

TEST(RefusedForGood, ADeniedSubjectIsTriedAgainForAMessageThatIsPublishedAgain) {
  NatsServer server(kDenied);
  KeepingBox box;
  WorkerLoop loop(Broker(Url(server)));
  loop.pipeline.SetDeadLetterBox(&box);
  loop.subject = "fraiseql.denied.row";
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  ASSERT_EQ(box.subjects.size(), 1u);
  server.Reload(kAllowed);
  // The server tells the connections there are of it in its own time.
  loop.publisher.Configure(Broker(Url(server)), Stream());
  loop.pipeline.Restart();
  loop.attempts = 1;
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(box.subjects.size(), 1u);
  EXPECT_EQ(StoredNumbers(server), std::vector<std::string>({"2"}));
}

TEST(RefusedForGood, ALimitIsAskedForAgainForAMessageThatIsPublishedAgain) {
  NatsServer server("max_payload: 8192");
  KeepingBox box;
  WorkerLoop loop(Broker(server.url()));
  loop.pipeline.SetDeadLetterBox(&box);
  loop.payload_bytes = 9000;
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  loop.payload_bytes = 100;
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(box.subjects.size(), 1u);
  EXPECT_EQ(loop.publisher.connects(), 1u);
  server.Reload("max_payload: 10000");
  loop.payload_bytes = 9000;
  loop.attempts = 1;
  loop.Produce(1);
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(box.subjects.size(), 1u);
  EXPECT_EQ(BrokerProbe(server.url()).Messages("fraiseql_events").size(), 2u);
}

TEST(RefusedForGood, TheStreamsOwnLimitsDoNotStopTheRest) {
  NatsServer server;
  BrokerProbe(server.url())
      .Api("STREAM.CREATE.fraiseql_events",
           R"({"name":"fraiseql_events","subjects":["fraiseql.>"],"max_msg_size":1000})");
  KeepingBox box;
  WorkerLoop loop(Broker(server.url()));
  loop.pipeline.SetDeadLetterBox(&box);
  for (int i = 0; i < 100; ++i) {
    loop.payload_bytes = i % 10 == 0 ? 1001 : 100;
    loop.extra_headers = i % 10 == 5 ? "Big: " + std::string(70000, 'x') + "\r\n" : "";
    loop.Produce(1);
    loop.Fill();
  }
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_EQ(box.subjects.size(), 20u);
  EXPECT_EQ(BrokerProbe(server.url()).Messages("fraiseql_events").size(), 80u);
  EXPECT_EQ(loop.pipeline.order_breaks(), 0u);
}

Message On(const std::string& subject) {
  Message message;
  message.subject = subject;
  return message;
}

TEST(RefusedSubjects, AreBelievedForAShortWhile) {
  RefusedSubjects refused;
  const int64_t now = 1'000'000'000;
  EXPECT_TRUE(refused.Check(On("a.b"), now).ok());
  EXPECT_EQ(refused.Learn("Permissions Violation for Publish to \"a.b\"", now).code(),
            StatusCode::kRejected);
  EXPECT_EQ(refused.Check(On("a.b"), now).code(), StatusCode::kRejected);
  EXPECT_EQ(refused.Check(On("a.b"), now + 9'999'999).code(), StatusCode::kRejected);
  EXPECT_TRUE(refused.Check(On("a.bc"), now).ok());
  EXPECT_TRUE(refused.Check(On("a"), now).ok());
  EXPECT_TRUE(refused.Check(On("a.b"), now + 10'000'000).ok());
  EXPECT_TRUE(refused.Check(On("a.b"), now).ok());  // forgotten
}

TEST(RefusedSubjects, AreShownWithoutControlCharacters) {
  RefusedSubjects refused;
  const Status status =
      refused.Learn("Permissions Violation for Publish to \"a\x1B[2J\\x0a\xFF\"", 1);
  EXPECT_NE(status.message().find("\"a\\x1B[2J\\x0A\\xFF\""), std::string::npos)
      << status.message();
}

TEST(RefusedSubjects, AreNotWhatElseIsRefused) {
  RefusedSubjects refused;
  for (const char* text :
       {"", "Permissions Violation for Subscription to \"_INBOX.x\"", "Authorization Violation",
        "Permissions Violation for Publish to \"$JS.API.STREAM.INFO.x\"",
        "Permissions Violation for Publish to \"\"", "Permissions Violation for Publish to \""}) {
    EXPECT_TRUE(refused.Learn(text, 1).ok()) << text;
  }
  EXPECT_TRUE(refused.empty());
}

}  // namespace
}  // namespace fraiseql::nats::test
