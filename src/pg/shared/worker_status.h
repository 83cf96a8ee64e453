// SPDX-License-Identifier: PostgreSQL
#pragma once

// What a worker tells the others: its entry in shared memory, its line in pg_stat_activity, and the
// log, one line for each change of state.  Include after postgres.h.

#include <map>
#include <string>

#include "core/pipeline/pipeline.h"
#include "nats/deadletter/dead_letter_mover.h"

extern "C" {
#include "access/xlogdefs.h"
}

#include "pg/shared/shmem.h"

namespace fraiseql::pg {

class WorkerStatus {
 public:
  explicit WorkerStatus(WorkerEntry* entry) : entry_(entry) {}

  // Shows a state with the reason for it (ok: none).  `server` and `stream` may be empty.  Cheap
  // when nothing has changed.
  void Show(WorkerState state, const Status& reason, const std::string& server,
            const std::string& stream);

  // Shows which subjects the stream takes, for those who choose subjects.
  void ShowSubjects(const std::vector<std::string>& subjects);

  // Remembers a failure as the last error.
  void RecordError(const Status& error);

  // Shows how the moving of consumers' dead letters goes.
  void ShowDeadLetters(const nats::DeadLetterMover::Snapshot& now);

  // The stream has lost what it had acknowledged, of which the latest is to be sent `again`.
  void RaiseLossAlarm(const Status& loss, bool again);
  // Messages may be in the stream twice.
  void RaiseTwiceAlarm(const Status& twice);

  // Shows which settings the stream does not follow; empty: it follows all of them.
  void ShowDrift(const std::string& drift);

  // Whether somebody has asked for a look at the stream since the last call.
  bool StreamWasTouched();

  // Copies the numbers.
  void Count(const Pipeline& pipeline, uint64_t reconnects, bool exclusive);
  void CountUntestable(uint64_t count, const std::map<std::string, uint64_t>& by_observer);
  void CountLog(XLogRecPtr read, XLogRecPtr confirmed);

 private:
  void RaiseAlarm(const char* kind, const Status& what);
  uint64_t untestable_ = 0;  // as last shown
  void Log(WorkerState state, const Status& reason, const std::string& server);
  bool MayLog();

  WorkerEntry* const entry_;
  WorkerState state_ = WorkerState::kStopped;
  std::string reason_;
  std::string server_;
  WorkerState logged_state_ = WorkerState::kStopped;
  std::string logged_reason_;
  int logged_count_ = 0;          // reasons that were logged since it last was streaming, ...
  TimestampTz logged_since_ = 0;  // ... or since this moment
  uint64_t acked_ = 0;
  uint32_t stream_touched_ = 0;
};

}  // namespace fraiseql::pg
