// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/consumer_management.h"
#include "nats/jetstream/jetstream_client.h"

extern "C" {
#include "postgres.h"
}

#include "pg/settings/broker_config.h"
#include "pg/worker/broker_upkeep.h"
#include "pg/settings/gucs.h"

namespace fraiseql::pg {

namespace {

constexpr int64_t kRetryMs = 10000;
constexpr int64_t kLookMs = 1000;

// The differences between stream and settings that remain after the attempt.
std::string DriftOf(const nats::Differences& outcome) {
  std::string drift;
  for (const nats::Difference& difference : outcome) {
    if (difference.changed) continue;
    if (!drift.empty()) drift += "; ";
    drift += difference.field + " is " + difference.found + ", not " + difference.wanted;
  }
  return drift;
}

void LogOutcome(const nats::Differences& outcome) {
  const std::string& stream = settings.stream_name;
  for (const nats::Difference& difference : outcome) {
    if (difference.changed) {
      ereport(LOG, (errmsg("stream \"%s\": %s is now %s, it was %s", stream.c_str(),
                           difference.field.c_str(), difference.wanted.c_str(),
                           difference.found.c_str())));
    } else {
      ereport(LOG,
              (errmsg("stream \"%s\": %s is %s, not %s", stream.c_str(), difference.field.c_str(),
                      difference.found.c_str(), difference.wanted.c_str()),
               errhint("Call fraiseql_nats.stream_sync() or set \"fraiseql_nats.stream_manage\" to "
                       "\"update\" to change what can be changed, or adjust the settings.")));
    }
  }
}

}  // namespace

void BrokerUpkeep::Begin(const nats::BrokerSettings& broker) {
  broker_ = broker;
  pending_ = settings.stream_manage != kManageOff;
  not_before_ms_ = 0;
  call_.Abandon();
  mover_.Stop();
}

void BrokerUpkeep::Run(const std::string& server, int64_t now_ms, WorkerStatus* status) {
  if (status->StreamWasTouched() && settings.stream_manage != kManageOff) {
    pending_ = true;
    not_before_ms_ = 0;
  }
  if (call_.busy()) FinishCall(now_ms, status);
  if (pending_ && !server.empty() && !call_.busy() && now_ms >= not_before_ms_) {
    broker_.prefer = server;  // another server may have another stream of this name
    StartCall();
  }
  if (now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookMs;
  LookAtMover(status);
}

// Logs each trouble once, until it is over.  Does not log that the broker is unreachable: the
// publisher reports that.
void BrokerUpkeep::LookAtMover(WorkerStatus* status) {
  nats::DeadLetterMover::Snapshot now = mover_.snapshot();
  if (!mover_.running()) now.trouble = failure_;
  status->ShowDeadLetters(now);
  if (!mover_.running() || now.trouble.message() == mover_reported_) return;
  mover_reported_ = now.trouble.message();
  if (now.trouble.ok() || now.trouble.code() == StatusCode::kUnavailable) return;
  ereport(LOG, (errmsg("dead letters of consumers are not moved: %s", mover_reported_.c_str()),
                now.trouble.hint().empty() ? 0 : errhint("%s", now.trouble.hint().c_str())));
}

void BrokerUpkeep::StartCall() {
  pending_ = false;
  const auto mode = settings.stream_manage == kManageUpdate ? nats::EnsureMode::kUpdate
                                                            : nats::EnsureMode::kCreate;
  nats::ConsumerSpec consumer;
  consumer.name = settings.consumer_name;
  consumer.filter_subject = std::string(settings.subject_prefix) + ".>";  // as FraiseQL binds it
  consumer.max_deliver = settings.max_deliver;
  consumer.ack_wait_ms = int64_t{settings.ack_wait_s} * 1000;
  const Status status = call_.Start([broker = broker_, stream = CurrentStreamSettings(), mode,
                                     consumer](nats::Differences* outcome) {
    return nats::WithJetStream(broker, [&](nats::JetStreamClient* js) {
      const Status ensured = nats::EnsureStream(js, stream, mode, outcome);
      if (!ensured.ok() || consumer.name.empty()) return ensured;
      // A consumer that an administrator has changed stays as it is, except in mode "update".
      if (mode != nats::EnsureMode::kUpdate) {
        return nats::CreateConsumer(js, stream.name, consumer);
      }
      nats::ConsumerChange change = nats::ConsumerChange::kNone;
      return nats::EnsureConsumer(js, stream.name, consumer, &change);
    });
  });
  if (!status.ok()) pending_ = true;
}

void BrokerUpkeep::FinishCall(int64_t now_ms, WorkerStatus* shown) {
  Status status;
  nats::Differences outcome;
  if (!call_.Finish(&status, &outcome)) return;
  LogOutcome(outcome);
  shown->ShowDrift(DriftOf(outcome));
  failure_ = status;
  next_look_ms_ = 0;
  if (status.ok()) {
    StartMover();
    return;
  }
  pending_ = true;
  not_before_ms_ = now_ms + kRetryMs;
  if (reported_ == status.message()) return;
  reported_ = status.message();
  ereport(LOG, (errmsg("stream and consumers are not as configured: %s", status.message().c_str()),
                status.hint().empty() ? 0 : errhint("%s", status.hint().c_str())));
}

void BrokerUpkeep::StartMover() {
  if (settings.stream_manage == kManageOff || settings.dlq_subject[0] == '\0') return;
  if (mover_.running()) return;
  nats::DeadLetterSettings dead_letters;
  dead_letters.stream = settings.stream_name;
  dead_letters.subject = settings.dlq_subject;
  dead_letters.stream_subjects = CurrentStreamSettings().subjects;
  (void)mover_.Start(broker_, dead_letters);
}

}  // namespace fraiseql::pg
