// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>

#include "nats/base/background_call.h"
#include "nats/base/broker_settings.h"
#include "nats/deadletter/dead_letter_mover.h"
#include "nats/manage/stream_management.h"
#include "pg/shared/worker_status.h"

namespace fraiseql::pg {

// What a worker does for the stream besides publishing to it: brings it in line with the settings,
// makes the consumer that is configured, and has what consumers give up moved to the dead letters.
// All of it on connections and threads of its own; nothing here waits.  Main thread only.
class BrokerUpkeep {
 public:
  // To be done (again), by the settings in force now; begins when the worker next publishes.
  void Begin(const nats::BrokerSettings& broker);

  // Goes on with it, and tells `status`.  `server`: at which is published, as status() shows it;
  // empty: at none now.  Cheap; logs what it finds.
  void Run(const std::string& server, int64_t now_ms, WorkerStatus* status);

 private:
  void StartCall();
  void FinishCall(int64_t now_ms, WorkerStatus* shown);
  void StartMover();
  void LookAtMover(WorkerStatus* status);

  nats::BrokerSettings broker_;
  nats::BackgroundCall<nats::Differences> call_;
  nats::DeadLetterMover mover_;
  bool pending_ = false;
  int64_t not_before_ms_ = 0;
  int64_t next_look_ms_ = 0;    // at the mover
  Status failure_;              // of the last attempt to bring stream and consumer in line
  std::string reported_;        // the failure that was logged last
  std::string mover_reported_;  // the same of the mover
};

}  // namespace fraiseql::pg
