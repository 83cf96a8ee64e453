// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/backoff.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

// Makes each message expect the one before it, by the expectation headers of ADR-22.  The stream
// then refuses all messages after a refused one: the stored messages are always a prefix of those
// sent, in order, and the acknowledgement of a message confirms those before it.
class Chain {
 public:
  enum class Kind : uint8_t {
    kNone,
    // By the id of the previous message.  This holds even if another publisher writes in between:
    // the stream then refuses the next message.
    kMessageId,
    // By the last sequence of the stream.  Another publisher's message takes the sequence of one of
    // ours, and the message after that meets its expectation again: so each message has to be
    // acknowledged.
    kSequence,
  };

  void Begin(Kind kind, uint64_t stream_end) {
    kind_ = kind;
    stream_end_ = stream_end;
    last_id_.clear();
  }
  void End() { kind_ = Kind::kNone; }

  Kind kind() const { return kind_; }

  // Appends the header line with the expectation of the next message.
  void AppendExpectation(std::string* lines) const;
  // Records that the message with this id was sent with its expectation.
  void Sent(std::string_view message_id);

 private:
  Kind kind_ = Kind::kNone;
  uint64_t stream_end_ = 0;  // expected by the first message, and by all with kSequence
  std::string last_id_;      // expected otherwise: the id of the previous message
};

// Decides whether messages are chained: only while no other publisher writes to the stream, because
// each foreign message would cost a reopening.  Milliseconds, of any monotonic clock.
class Exclusivity {
 public:
  // How long after another publisher's message the stream counts as shared; the time doubles.
  static constexpr int64_t kMinSharedMs = 60000;
  static constexpr int64_t kMaxSharedMs = 3600000;

  void Configure(Exclusive wanted) { wanted_ = wanted; }

  // In a stream of several replicas messages are never chained by id.  Each replica compares the id
  // with the last one in its memory, and a restarted replica has none that is older than the
  // duplicate window: it alone refuses the message and all that follow.  From nats-server 2.14 on,
  // a wrong id stops the stream permanently.
  Chain::Kind KindFor(int64_t now_ms, int replicas) const;

  void SawForeign(int64_t now_ms);
  // Stops chaining for kMinSharedMs, whatever the setting.
  void Pause(int64_t now_ms) { paused_until_ms_ = now_ms + kMinSharedMs; }

 private:
  Exclusive wanted_ = Exclusive::kAuto;
  int64_t shared_until_ms_ = INT64_MIN;
  int64_t paused_until_ms_ = INT64_MIN;
  Backoff backoff_{kMinSharedMs, kMaxSharedMs};
};

}  // namespace fraiseql::nats
