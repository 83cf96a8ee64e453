// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <variant>

#include "core/base/status.h"
#include "nats/base/background_call.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

struct DeadLetterSettings {
  std::string stream = "fraiseql_events";         // whose consumers are observed
  std::string subject = "fraiseql.dlq";           // of the dead letters; a stream has to take it
  std::vector<std::string> stream_subjects = {};  // subjects wanted in `stream`
  int64_t ack_wait_ms = 30000;                    // after this, another mover takes over
  int64_t check_interval_ms = 5000;               // between checks for stalled consumers
};

// Copies each message that a consumer of the stream has given up (delivered max_deliver times
// without an acknowledgement, or terminated by its program) to the dead letter subject, exactly
// once for each consumer, with any number of movers and whenever one dies.
//
// Once a mover has run, no give-up is lost while none runs: JetStream publishes an advisory for
// each, and a stream of its own captures them, "<stream>_advisories" (a work queue).  Its durable
// consumer "dead_letter_mover" delivers each to one mover at a time, repeatedly until the mover
// acknowledges it after the dead letter is stored.  (If another stream captures these advisories
// already, JetStream refuses a second one, and no message can be moved.)
//
// JetStream detects a give-up when it next looks for a message for the consumer after the last
// ack_wait: for a push consumer all the time while it has a subscriber (newer servers also without
// one), for a pull consumer when its program pulls.  If no program pulls any more, the mover pulls
// in a way that delivers nothing, if the server supports that: see StalledConsumers.  Otherwise the
// dead letter is stored when the program pulls again; until then the message is still pending at
// the consumer, and not lost.
//
// Runs on one thread of its own, with all signals blocked.  If the broker is unreachable, it
// connects again, with a growing pause between attempts.  The owner has to use one thread.
class DeadLetterMover {
 public:
  struct Snapshot {
    bool connected = false;
    uint64_t moved = 0;            // dead letters stored
    uint64_t without_payload = 0;  // of these, for a message that is removed or too large
    uint64_t already_there = 0;    // stored before, without an acknowledgement
    uint64_t loops = 0;            // given-up dead letters, which are not copied again
    uint64_t failed = 0;           // attempts that will be repeated
    uint64_t not_understood = 0;   // invalid advisories, which were dropped
    Status trouble;                // the last failure; ok after a success
  };

  DeadLetterMover();
  ~DeadLetterMover();  // as Stop()
  DeadLetterMover(const DeadLetterMover&) = delete;
  DeadLetterMover& operator=(const DeadLetterMover&) = delete;

  // REQUIRES: !running().  The counters continue.
  Status Start(BrokerSettings broker, DeadLetterSettings settings);

  // Takes less than half a second: a thread that still runs then (in a name lookup) is detached.
  void Stop();

  bool running() const { return call_.busy(); }

  Snapshot snapshot() const;

 private:
  struct Shared;  // shared with the thread, which may outlive this

  std::shared_ptr<Shared> shared_;
  BackgroundCall<std::monostate> call_;
};

}  // namespace fraiseql::nats
