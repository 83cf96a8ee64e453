// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/change/message.h"
#include "nats/connection/connection.h"

namespace fraiseql::nats {

// Removes from a bucket what was there before the message of a TRUNCATE, once that is stored.
//
// The header Nats-Rollup would have the server do so by itself.  But nats-server 2.10 to 2.15,
// killed within minutes, has at its next start the values again that a rollup removed, and a killed
// replica shows them when it becomes the leader; what STREAM.PURGE removed stays away.
//
// A purge that fails, or that the end of a connection or of the worker prevents, closes the
// publisher, and is made up for by the next opening (see StreamOpening).  Main thread only; nothing
// blocks.
class BucketPurge {
 public:
  static constexpr std::string_view kAddress = "purge";  // of the answer

  // For the stream that is open now, in a new generation of acknowledgements.
  void Begin(const std::string& stream);

  // The message of a TRUNCATE needs an acknowledgement of its own.
  bool IsTruncate(const Message& message) const {
    return !subject_.empty() && message.subject == subject_;
  }
  void Sent(uint64_t sequence) { awaited_ = sequence; }
  // A message is stored at `place`: asks for the purge if it is the last TRUNCATE.
  Status Stored(uint64_t sequence, uint64_t place, Connection* connection, int64_t now_ms);
  Status OnAnswer(std::string_view answer);
  // kUnavailable if the answer does not come.
  Status Tick(int64_t now_ms) const;
  // As Publisher::WaitMs().
  int64_t WaitMs(int64_t now_ms) const;

  // The request that removes what is before `place`.
  static std::string RequestName(const std::string& stream) { return "STREAM.PURGE." + stream; }
  static std::string RequestBody(uint64_t place);

 private:
  std::string stream_;
  std::string subject_;      // of the message of a TRUNCATE; empty: the stream is no bucket
  uint64_t awaited_ = 0;     // the last TRUNCATE sent, as Sink::Send() numbers it; 0: none
  int64_t deadline_ms_ = 0;  // of the answer; 0: none is awaited
};

}  // namespace fraiseql::nats
