// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker_probe.h"
#include "nats/base/clock.h"
#include "nats/manage/consumer_management.h"
#include "nats/deadletter/dead_letter_mover.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/manage/stream_management.h"
#include "nats_server.h"
#include "time_limit.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {

inline constexpr char kStream[] = "fraiseql_events";

inline bool Eventually(const std::function<bool()>& condition, int64_t limit_ms = 10000) {
  for (const int64_t end = SteadyMs() + TimeLimit(limit_ms); SteadyMs() < end;) {
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
    Differences outcome;
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

inline bool Has(const BrokerProbe::Stored& letter, const std::string& header) {
  return letter.all_headers.find(header + ";") != std::string::npos;
}

}  // namespace fraiseql::nats::test
