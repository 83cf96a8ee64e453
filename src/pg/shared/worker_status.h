// SPDX-License-Identifier: PostgreSQL
#pragma once

// What a worker reports to others: its entry in shared memory, its line in pg_stat_activity, and
// the log, one line for each change of state.  Include after postgres.h.

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

  // Where to count from now on.
  void SetStats(StreamStats* stats) { stats_ = stats; }

  // Shows a state with the reason for it (ok: none).  `server` and `stream` may be empty.  Cheap
  // when nothing has changed.
  void Show(WorkerState state, const Status& reason, const std::string& server,
            const std::string& stream);

  // Shows which subjects the stream takes, for sessions that choose a subject or a stream.
  void ShowSubjects(const std::vector<std::string>& subjects);

  // Records a failure as the last error.
  void RecordError(const Status& error);

  // Shows the state of the mover of consumers' dead letters.
  void ShowDeadLetters(const nats::DeadLetterMover::Snapshot& now);

  // Reports that the stream has lost acknowledged messages; `again`: the latest of them are sent
  // again.
  void RaiseLossAlarm(const Status& loss, bool again);
  // Reports that messages may be stored in the stream twice.
  void RaiseTwiceAlarm(const Status& twice);

  // Shows which settings the stream differs from; empty: none.
  void ShowDrift(const std::string& drift);

  // Shows the position of the message that blocks; empty: none does.  Cheap when it has not
  // changed.
  void ShowBlocked(const std::string& position);

  // The position that a session wants to be skipped, once after each call of skip(); else empty.
  std::string TakeSkip();

  // Whether a session has requested a check of the stream since the last call.
  bool StreamWasTouched();

  // Shows how far the worker is, and what it has counted.  REQUIRES: SetStats().
  void Count(const Pipeline& pipeline, uint64_t reconnects, bool exclusive);
  void CountUntestable(uint64_t count) { stats_->counts.now.untestable.Set(count); }
  void CountDropped(uint64_t count) { stats_->counts.now.dropped.Set(count); }
  void CountLog(XLogRecPtr read, XLogRecPtr confirmed);

 private:
  void RaiseAlarm(const char* kind, const Status& what);
  void Log(WorkerState state, const Status& reason, const std::string& server);
  bool MayLog();

  WorkerEntry* const entry_;
  StreamStats* stats_ = nullptr;  // null: not yet
  WorkerState state_ = WorkerState::kStopped;
  std::string told_;  // the reason, with its hint
  std::string server_;
  WorkerState logged_state_ = WorkerState::kStopped;
  std::string logged_reason_;
  int logged_count_ = 0;          // reasons that were logged since it last was streaming, ...
  TimestampTz logged_since_ = 0;  // ... or since this time
  uint64_t acked_ = 0;
  uint32_t stream_touched_ = 0;
  uint32_t skips_ = 0;
  std::string blocked_at_;
};

}  // namespace fraiseql::pg
