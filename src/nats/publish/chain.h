// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/backoff.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

// Ties each message to the one before it, so that the stream refuses all that comes after one that
// it has refused: what is stored is then always a beginning of what was sent, in order, and the
// acknowledgement of one message proves those before it.  (ADR-22's expectation headers.)
class Chain {
 public:
  enum class Kind : uint8_t {
    kNone,
    // By the id of the message before.  Holds even if others write to the stream in between: then
    // the next message is refused.
    kMessageId,
    // By the length of the stream.  A writer in between takes the place of one of ours, so that the
    // next one fits again: each message has to be acknowledged.
    kSequence,
  };

  void Begin(Kind kind, uint64_t stream_end) {
    kind_ = kind;
    stream_end_ = stream_end;
    last_id_.clear();
  }
  void End() { kind_ = Kind::kNone; }

  Kind kind() const { return kind_; }

  // Appends the header line that ties the next message.
  void AppendExpectation(std::string* lines) const;
  // The message with this id was sent, tied.
  void Sent(std::string_view message_id);

 private:
  Kind kind_ = Kind::kNone;
  uint64_t stream_end_ = 0;  // what the next message expects, if it is the first or by kSequence
  std::string last_id_;      // else: of the message before
};

// Decides whether messages are tied: while nobody else writes to the stream, since every foreign
// message would cost a new look at the stream.  Milliseconds, of any clock that never goes back.
class Exclusivity {
 public:
  // How long after somebody else's message the stream counts as shared: doubling.
  static constexpr int64_t kMinSharedMs = 60000;
  static constexpr int64_t kMaxSharedMs = 3600000;

  void Configure(Exclusive wanted) { wanted_ = wanted; }

  // In a stream of several replicas messages are never tied by id.  Each replica compares the id
  // with the last one that it remembers, and one that has been restarted remembers none that is
  // older than the de-duplication window: it alone refuses the message, and all that follow.  From
  // nats-server 2.14 on a wrong id stops the stream for good.
  Chain::Kind KindFor(int64_t now_ms, int replicas) const;

  void SawForeign(int64_t now_ms);
  // Messages are not to be tied for a while, whatever the setting.
  void Pause(int64_t now_ms) { paused_until_ms_ = now_ms + kMinSharedMs; }

 private:
  Exclusive wanted_ = Exclusive::kAuto;
  int64_t shared_until_ms_ = INT64_MIN;
  int64_t paused_until_ms_ = INT64_MIN;
  Backoff backoff_{kMinSharedMs, kMaxSharedMs};
};

}  // namespace fraiseql::nats
