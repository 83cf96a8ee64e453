// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>

#include "nats/background_call.h"
#include "nats/broker_settings.h"
#include "nats/dead_letter_mover.h"
#include "nats/stream_management.h"

namespace fraiseql::pg {

// What a worker does for the stream besides publishing to it: brings it in line with the settings,
// makes the consumer that is configured, and has what consumers give up moved to the dead letters.
// All of it on connections and threads of its own; nothing here waits.  Main thread only.
class BrokerUpkeep {
 public:
  // To be done (again), by the settings in force now; begins when the worker next publishes.
  void Begin(const nats::BrokerSettings& broker);

  // Goes on with it.  `publishing`: the broker and the stream are there.  Cheap; logs what it
  // finds.
  void Run(bool publishing, int64_t now_ms);

  const nats::DeadLetterMover& mover() const { return mover_; }

 private:
  void StartCall();
  void FinishCall(int64_t now_ms);
  void StartMover();

  nats::BrokerSettings broker_;
  nats::BackgroundCall<nats::StreamOutcome> call_;
  nats::DeadLetterMover mover_;
  bool pending_ = false;
  int64_t not_before_ms_ = 0;
  std::string told_;  // the failure that was logged last
};

}  // namespace fraiseql::pg
