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

// What a worker does for the stream besides publishing to it: brings the stream in line with the
// settings, creates the configured consumer, and moves messages that consumers give up to the dead
// letters.  Uses connections and threads of its own; no function waits.  Main thread only.
class BrokerUpkeep {
 public:
  // Schedules the work (again) with the settings now in force; it starts when the worker next
  // publishes.
  void Begin(const nats::BrokerSettings& broker);

  // Continues the work and reports it to `status`.  `server`: the one that the worker publishes to,
  // as status() shows it; empty: none now.  Cheap; logs what it finds.
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
  int64_t next_look_ms_ = 0;    // time of the next check of the mover
  Status failure_;              // of the last attempt to bring stream and consumer in line
  std::string reported_;        // the failure that was logged last
  std::string mover_reported_;  // the mover's trouble that was logged last
};

}  // namespace fraiseql::pg
