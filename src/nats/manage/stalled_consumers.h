// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/base/status.h"
#include "nats/manage/consumer_management.h"

namespace fraiseql::nats {

class JetStreamClient;

// Finds pull consumers from which no program pulls any more while delivered messages stay
// unacknowledged, and makes JetStream detect which of these messages have used up their deliveries.
// JetStream detects this only when it looks for a message to deliver.
//
// So this class pulls a message of at most one byte.  JetStream gives up the messages whose
// deliveries are used up; the first of the others is too large and is not delivered.  Servers from
// 2.10 on do not count this as a delivery.  Earlier ones (seen with 2.9.10) do, which would cost a
// message one of its deliveries: there, this class pulls only if max_deliver is 1, so that no
// message has deliveries left.  To be safe, it relies on the newer behavior only if the server
// reports its API level, which it does from 2.11 on.
class StalledConsumers {
 public:
  // Checks all consumers of the stream.  To be called periodically; `now_ms` is of any monotonic
  // clock.
  Status Check(JetStreamClient* js, const std::string& stream, int64_t now_ms);

 private:
  // The state of a consumer at its last progress, and the time of that progress or of our last
  // pull.
  struct Standing {
    uint64_t deliveries = 0;
    uint64_t ack_floor = 0;
    uint64_t ack_pending = 0;
    int64_t since_ms = 0;
  };

  Status AskTrust(JetStreamClient* js);
  bool IsStalled(const ConsumerInfo& consumer, int64_t now_ms);

  enum class Trust : uint8_t { kUnknown, kNo, kYes };
  Trust trust_ = Trust::kUnknown;
  std::map<std::string, Standing> standing_;  // by name
};

}  // namespace fraiseql::nats
