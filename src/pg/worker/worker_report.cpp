// SPDX-License-Identifier: PostgreSQL
// What the worker shows of its state, and what a session may want of a message that blocks.
extern "C" {
#include "postgres.h"

#include "miscadmin.h"
#include "replication/slot.h"
#include "storage/ipc.h"
}

#include "core/change/position.h"
#include "nats/base/clock.h"
#include "pg/settings/gucs.h"
#include "pg/worker/worker.h"

namespace fraiseql::pg {

namespace {

constexpr int64_t kPatienceMs = 1000;  // until status() reports that standbys lag

}  // namespace

std::string Worker::BlockedAt() const {
  std::string position;
  AppendPosition(pipeline_->blocked_at(), &position);
  return position;
}

Status Worker::BlockedReason(const Status& trouble) const {
  std::string call = "fraiseql_nats.skip('" + BlockedAt() + "'";
  if (key_.stream != kDefaultStream) call += ", '" + stream_name_ + "'";
  return {trouble.code(), trouble.message(),
          trouble.hint() + (trouble.hint().empty() ? "" : " ") +
              "Or make the message a dead letter: " + "SELECT " + call + ");"};
}

// A session has called skip().
void Worker::SkipMessage() {
  const std::string text = status_.TakeSkip();
  Position position;
  if (text.empty() || !ParsePosition(text, &position)) return;
  pipeline_->Skip(position, &dead_letters_);
  if (refused_.ok()) pipeline_->Restart();
}

void Worker::ShowState() {
  WorkerState state = WorkerState::kConnecting;
  switch (pipeline_->state()) {
    case Pipeline::State::kStreaming:
      if (!pipeline_->probing()) state = WorkerState::kStreaming;
      break;
    case Pipeline::State::kWaiting:
      state = pipeline_->trouble().ok() ? WorkerState::kConnecting : WorkerState::kWaiting;
      break;
    case Pipeline::State::kOpening:
      break;
  }
  if (pipeline_->failures() != failures_seen_) {
    failures_seen_ = pipeline_->failures();
    status_.RecordError(pipeline_->trouble());
  }
  if (pipeline_->dead_letters() != dead_letters_seen_) {
    dead_letters_seen_ = pipeline_->dead_letters();
    status_.RecordError(dead_letters_.last_reason());
  }
  if (publisher_->openings() != openings_seen_) {
    openings_seen_ = publisher_->openings();
    status_.ShowSubjects(publisher_->stream_subjects());
  }
  if (pipeline_->losses() != losses_seen_) ReportDataLoss();
  // What is refused while it is built, the pipeline does not have yet.
  if (pipeline_->blocked() || !refused_.ok()) state = WorkerState::kBlocked;
  const bool streaming = state == WorkerState::kStreaming;
  if (streaming) entry_->failures = 0;
  const Status& trouble = refused_.ok() ? pipeline_->trouble() : refused_;
  const bool blocked = state == WorkerState::kBlocked;
  status_.ShowBlocked(blocked ? BlockedAt() : "");
  status_.Show(state,
               streaming ? StreamingNotice()
               : blocked ? BlockedReason(trouble)
                         : trouble,
               publisher_->connected_url(), publisher_->stream_name());
  const uint64_t connects = publisher_->connects();
  status_.Count(*pipeline_, connects > 0 ? connects - 1 : 0, publisher_->chained());
  if (listener_ != nullptr) {
    status_.CountDropped(listener_->dropped());
  } else {
    if (decoder_ != nullptr) status_.CountUntestable(decoder_->untestable());
    status_.CountLog(reader_.position(), MyReplicationSlot->data.confirmed_flush);
  }
}

// The notice that status() shows while publishing works.
Status Worker::StreamingNotice() {
  if (!wrong_settings_.ok()) return wrong_settings_;
  if (!wrong_files_.ok()) return wrong_files_;
  if (!other_version_.ok()) return other_version_;
  if (listener_ != nullptr) {
    return Status::Unavailable("notifications only, and at most once",
                               "\"fraiseql_nats.capture\" is \"notify\".");
  }
  const int64_t now_ms = nats::SteadyMs();
  if (!WalReader::AwaitsStandbys()) standbys_had_all_ms_ = now_ms;
  if (now_ms - standbys_had_all_ms_ >= kPatienceMs) {
    return Status::Unavailable("the standbys do not have the log yet",
                               "See the slots that \"synchronized_standby_slots\" names, or take "
                               "standbys that no longer exist off it.");
  }
  if (const Status held = streams_.HeldNotice(now_ms); !held.ok()) return held;
  if (publisher_->lacks_batches()) {
    return Status::Unavailable(
        "the stream takes no batches: each message has a Nats-Msg-Id besides its Fraiseql-Id",
        "It needs nats-server 2.14, one replica, and SELECT * FROM fraiseql_nats.stream_sync(); or "
        "set "
        "message_id_header to Nats-Msg-Id.");
  }
  if (publisher_->keeps_consumed()) return Status::Ok();
  return Status::Unavailable("stream \"" + publisher_->stream_name() +
                                 "\" does not keep consumed messages, and they cannot be looked up",
                             "A message that is sent again after the de-duplication window may be "
                             "stored twice; retention by limits prevents it.");
}

void Worker::ReportDataLoss() {
  losses_seen_ = pipeline_->losses();
  const bool again = slot_.delays() && pipeline_->acked() > 0;
  status_.RaiseLossAlarm(pipeline_->loss(), again);
  if (again) proc_exit(0);  // the next worker starts at the slot's position
}

void Worker::ReportDuplicates() {
  const Pipeline::Twice& twice = pipeline_->twice();
  std::string message = "stream \"" + publisher_->stream_name() +
                        "\" has removed the newest messages: up to " + std::to_string(twice.most) +
                        " may be published twice, from ";
  AppendPosition(twice.first, &message);
  message.append(" to the commits before ");
  AppendLsn(twice.before_lsn, &message);
  status_.RaiseTwiceAlarm(Status::Unavailable(
      std::move(message),
      "Consumers can detect them by the header Fraiseql-Position. A purge, age, consumption or the "
      "messages of others may have removed the newest ones while the worker did not run."));
  pipeline_->ForgetTwice();
}

}  // namespace fraiseql::pg
