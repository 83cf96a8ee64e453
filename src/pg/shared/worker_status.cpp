// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"
}

#include "core/base/comma_list.h"
#include "pg/settings/gucs.h"
#include "pg/base/shared_text.h"
#include "pg/base/unix_time.h"
#include "pg/shared/worker_status.h"

namespace fraiseql::pg {

namespace {

constexpr int kMostLogged = 10;
constexpr int kLogPeriodMs = 60000;

}  // namespace

void WorkerStatus::Show(WorkerState state, const Status& reason, const std::string& server,
                        const std::string& stream) {
  const std::string told = reason.message() + "\n" + reason.hint();
  if (state == state_ && told == told_ && server == server_) return;
  Log(state, reason, server);
  state_ = state;
  told_ = told;
  server_ = server;
  const ServerText message(reason.message());
  const ServerText hint(reason.hint());
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  // With its texts: who reads both must not see the reason of the state before.
  pg_atomic_write_u32(&entry_->progress.state, static_cast<uint32>(state));
  ClipText(message.c_str(), entry_->texts.reason);
  ClipText(hint.c_str(), entry_->texts.hint);
  ClipText(server.c_str(), entry_->texts.server);
  ClipText(stream.c_str(), entry_->texts.stream);
  if (stats_ != nullptr && !stream.empty()) strlcpy(stats_->name, stream.c_str(), kStatsNameSize);
  LWLockRelease(shared->lock);
  std::string activity = WorkerStateName(state);
  if (!server.empty()) activity += ": " + server + ", stream " + stream;
  if (!reason.ok()) activity.append(": ").append(message.c_str());
  pgstat_report_activity(state == WorkerState::kStreaming ? STATE_RUNNING : STATE_IDLE,
                         activity.c_str());
}

// The steps of repeated attempts are not logged: each trouble is logged once.
void WorkerStatus::Log(WorkerState state, const Status& reason, const std::string& server) {
  const bool retrying = state == WorkerState::kConnecting && !reason.ok();
  if (retrying || (state == logged_state_ && reason.message() == logged_reason_)) return;
  logged_state_ = state;
  logged_reason_ = reason.message();
  const ServerText message(reason.message());
  const ServerText hint(reason.hint());
  if (state == WorkerState::kStreaming) {
    ereport(LOG, (errmsg("publishing to %s%s%s", server.c_str(), reason.ok() ? "" : ": ",
                         message.c_str()),
                  reason.hint().empty() ? 0 : errhint("%s", hint.c_str())));
    logged_count_ = 0;
  } else if (!reason.ok() && MayLog()) {
    ereport(LOG, (errmsg("publishing is %s: %s", WorkerStateName(state), message.c_str()),
                  reason.hint().empty() ? 0 : errhint("%s", hint.c_str())));
  }
}

// Limits the log if the reason differs each time.
bool WorkerStatus::MayLog() {
  const TimestampTz now = GetCurrentTimestamp();
  if (TimestampDifferenceExceeds(logged_since_, now, kLogPeriodMs)) {
    logged_since_ = now;
    logged_count_ = 0;
  }
  if (logged_count_ == kMostLogged) {
    ereport(LOG, (errmsg("publishing fails for changing reasons"),
                  errdetail("For up to a minute further reasons are not logged."),
                  errhint("See fraiseql_nats.status().")));
  }
  return logged_count_++ < kMostLogged;
}

void WorkerStatus::ShowSubjects(const std::vector<std::string>& subjects) {
  const std::string list = JoinList(subjects);
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  WorkerTexts& texts = entry_->texts;
  // If the list is too long, none is shown: with a part of it, other subjects would seem to be
  // refused.
  ClipText(list.size() < sizeof(texts.subjects) ? list.c_str() : "", texts.subjects);
  ClipText(settings.subject_prefix, texts.subject_prefix);
  ClipText(settings.topic_prefix, texts.topic_prefix);
  LWLockRelease(shared->lock);
}

void WorkerStatus::RecordError(const Status& error) {
  const ServerText message(error.message());
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  ClipText(message.c_str(), entry_->texts.last_error);
  entry_->texts.last_error_at = GetCurrentTimestamp();
  LWLockRelease(shared->lock);
}

void WorkerStatus::ShowDeadLetters(const nats::DeadLetterMover::Snapshot& now) {
  StreamCounts& counts = stats_->counts.now;
  counts.dlq_moved.Set(now.moved);
  counts.dlq_put_off.Set(now.failed);
  counts.dlq_not_understood.Set(now.not_understood);
  const ServerText trouble(now.trouble.message());
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  ClipText(trouble.c_str(), entry_->texts.dlq_trouble);
  LWLockRelease(shared->lock);
}

void WorkerStatus::RaiseLossAlarm(const Status& loss, bool again) {
  ereport(WARNING, (errmsg("%s", loss.message().c_str()),
                    again ? errdetail("Messages that were acknowledged within "
                                      "\"fraiseql_nats.confirm_delay\" are sent again.")
                          : 0,
                    errhint("%s", loss.hint().c_str())));
  RaiseAlarm("loss", loss);
}

void WorkerStatus::RaiseTwiceAlarm(const Status& twice) {
  ereport(WARNING, (errmsg("%s", twice.message().c_str()), errhint("%s", twice.hint().c_str())));
  RaiseAlarm("twice", twice);
}

void WorkerStatus::RaiseAlarm(const char* kind, const Status& what) {
  const ServerText message(what.message());
  const ServerText hint(what.hint());
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  entry_->alarm.at = GetCurrentTimestamp();
  ClipText(kind, entry_->alarm.kind);
  ClipText(message.c_str(), entry_->alarm.message);
  ClipText(hint.c_str(), entry_->alarm.hint);
  LWLockRelease(shared->lock);
}

void WorkerStatus::ShowDrift(const std::string& drift) {
  const ServerText text(drift);
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  ClipText(text.c_str(), entry_->texts.stream_drift);
  LWLockRelease(shared->lock);
}

void WorkerStatus::ShowBlocked(const std::string& position) {
  if (position == blocked_at_) return;
  blocked_at_ = position;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  ClipText(position.c_str(), entry_->texts.blocked_at);
  LWLockRelease(shared->lock);
}

std::string WorkerStatus::TakeSkip() {
  const uint32 skips = pg_atomic_read_u32(&entry_->skips);
  if (skips == skips_) return {};
  skips_ = skips;
  WorkerTexts texts;
  LWLockAcquire(shared->lock, LW_SHARED);
  strlcpy(texts.skip, entry_->texts.skip, sizeof(texts.skip));
  LWLockRelease(shared->lock);
  return texts.skip;
}

bool WorkerStatus::StreamWasTouched() {
  const uint32 touched = pg_atomic_read_u32(&entry_->stream_touched);
  if (touched == stream_touched_) return false;
  stream_touched_ = touched;
  return true;
}

void WorkerStatus::CountLog(XLogRecPtr read, XLogRecPtr confirmed) {
  pg_atomic_write_u64(&entry_->progress.read_lsn, read);
  pg_atomic_write_u64(&entry_->progress.confirmed_lsn, confirmed);
}

void WorkerStatus::Count(const Pipeline& pipeline, uint64_t reconnects, bool exclusive) {
  WorkerProgress& progress = entry_->progress;
  const Window& window = pipeline.window();
  pg_atomic_write_u32(&progress.in_flight, static_cast<uint32>(window.in_flight()));
  if (window.in_flight() > 0) {
    pg_atomic_write_u64(&progress.sent_lsn, window.at(window.next() - 1).position.commit_lsn);
  }
  const uint64 oldest =
      window.empty() ? 0
                     : static_cast<uint64>(FromUnixUs(window.at(window.first()).commit_time_us));
  pg_atomic_write_u64(&progress.oldest_unacked_at, oldest);
  pg_atomic_write_u32(&progress.exclusive, exclusive ? 1 : 0);
  StreamCounts& counts = stats_->counts.now;
  counts.sent.Set(pipeline.sent());
  counts.acked.Set(pipeline.acked());
  counts.resent.Set(pipeline.resent());
  counts.found.Set(pipeline.found());
  counts.order_breaks.Set(pipeline.order_breaks());
  counts.dead_letters.Set(pipeline.dead_letters());
  counts.failures.Set(pipeline.failures());
  counts.reconnects.Set(reconnects);
  if (pipeline.acked() != acked_) {
    acked_ = pipeline.acked();
    pg_atomic_write_u64(&progress.last_progress_at, static_cast<uint64>(GetCurrentTimestamp()));
  }
}

}  // namespace fraiseql::pg
