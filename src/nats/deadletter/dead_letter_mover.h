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
  std::string stream = "fraiseql_events";  // whose consumers' failures are dealt with
  std::string subject = "fraiseql.dlq";    // where the dead letters go; some stream has to take it
  std::vector<std::string> stream_subjects = {};  // that the settings want in `stream`
  int64_t ack_wait_ms = 30000;       // after this time another mover takes over what one has begun
  int64_t check_interval_ms = 5000;  // between looks at consumers that stand still
};

// Copies each message that a consumer of the stream has given up (delivered max_deliver times
// without an acknowledgement, or terminated by its program) to the dead letter subject, exactly
// once for each consumer, however many movers there are and whenever they die.
//
// Nothing is lost while no mover runs, from the first one on: JetStream announces a give-up by an
// advisory, and these are captured by a stream of their own, "<stream>_advisories" (a work queue).
// Its durable consumer "dead_letter_mover" hands each to one mover at a time, again and again until
// it is acknowledged, which happens when the dead letter is stored.  (If some other stream captures
// these advisories already, JetStream refuses a second one, and nothing can be moved.)
//
// What is left to JetStream: a give-up shows when the consumer is next asked for a message after
// the last ack_wait.  A push consumer is asked all the time while somebody listens (by newer
// servers also if nobody does), a pull consumer when its program pulls.  For a pull consumer that
// nobody pulls from any more the mover asks, in a way that delivers nothing, where the server can
// be trusted with that: see StalledConsumers.  Otherwise the dead letter comes when the program is
// back; until then the message is still the consumer's, and not lost.
//
// Runs on one thread of its own, which takes no signal.  That the broker is away is normal: it
// connects again, with a growing pause between attempts.  The owner uses one thread.
class DeadLetterMover {
 public:
  struct Snapshot {
    bool connected = false;
    uint64_t moved = 0;            // dead letters stored
    uint64_t without_payload = 0;  // of these, for a message that is gone or too large
    uint64_t already_there = 0;    // stored before, by whoever did not live to say so
    uint64_t loops = 0;   // dead letters that a consumer has given up: these are not copied again
    uint64_t failed = 0;  // attempts that were put off
    uint64_t not_understood = 0;  // advisories that were dropped, for they make no sense
    Status trouble;               // the last one; ok when something has worked since
  };

  DeadLetterMover();
  ~DeadLetterMover();  // as Stop()
  DeadLetterMover(const DeadLetterMover&) = delete;
  DeadLetterMover& operator=(const DeadLetterMover&) = delete;

  // REQUIRES: !running().  Counters go on from where they were.
  Status Start(BrokerSettings broker, DeadLetterSettings settings);

  // Takes less than half a second: a thread that is stuck by then (looking up a name) is left to
  // end by itself.
  void Stop();

  bool running() const { return call_.busy(); }

  Snapshot snapshot() const;

 private:
  struct Shared;  // with the thread, which may outlive this

  std::shared_ptr<Shared> shared_;
  BackgroundCall<std::monostate> call_;
};

}  // namespace fraiseql::nats
