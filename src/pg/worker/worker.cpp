// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#ifdef __GLIBC__
#include <malloc.h>
#endif

extern "C" {
#include "postgres.h"

#include <unistd.h>

#include "access/transam.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/s_lock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
}

#include "core/change/position.h"
#include "nats/base/clock.h"
#include "pg/settings/broker_config.h"
#include "pg/base/commit_visibility.h"
#include "pg/base/compat.h"
#include "pg/base/decodable_lsn.h"
#include "pg/settings/gucs.h"
#include "pg/base/guard.h"
#include "pg/settings/settings_check.h"
#include "pg/worker/worker.h"

namespace fraiseql::pg {

namespace {

constexpr int kRecordsPerRun = 256;
// The log that other databases write does not wake the worker, but it has to confirm that too.
constexpr int64_t kIdleWaitMs = 1000;
// Under frequent commits a short sleep without a latch saves most signals; an idle server pays
// nothing.
constexpr int64_t kHotUs = 1000;
constexpr long kLingerUs = 200;
// With this many messages per turn it sleeps longer: a turn costs the worker and the broker many
// times as much as one more message in it.
constexpr uint64_t kManyMessages = 3;
constexpr long kLongLingerUs = 500;
constexpr int kVisibilitySpins = 20;  // some microseconds each
constexpr int64_t kDrainMs = 500;
constexpr int64_t kStandbyWaitMs = 5;  // no event says that a standby has received more
constexpr int64_t kDrainSilenceMs = 50;

}  // namespace

Worker::Worker(const WorkerKey& key, WorkerEntry* entry)
    : key_(key),
      entry_(entry),
      status_(entry),
      streams_(key, entry),
      declared_(key, &status_),
      options_(CurrentPipelineOptions()),
      dead_letters_(key),
      dead_letter_table_(&dead_letters_),
      alarm_table_(key, entry),
      startup_(key, entry, &status_),
      lag_watch_(OwnSlotName(key)),
      capture_(settings.capture) {}

void Worker::Run() {
  AwaitVersion();
  FindOutAboutDatabase();
  AwaitSettings();
  AwaitConfig();
  options_ = CurrentPipelineOptions();
  AwaitSpool();
  if (capture_ == kCaptureNotify) RunListener();
  AwaitPreconditions();
  OpenSlot();
  while (!MustLeave()) {
    DecodeSome();
    DoHousekeeping();
  }
  Leave(true);
}

// What is done between two records of the log.
void Worker::DoHousekeeping() {
  counted_observers_.Release(pipeline_->window());
  KeepTables();
  ApplySettings();
}

void Worker::KeepTables() {
  const int64_t now_ms = nats::SteadyMs();
  dead_letter_table_.Drain(now_ms);
  alarm_table_.Drain(now_ms);
  streams_.Run(now_ms);
  declared_.SyncAgain(config_.config, now_ms);
}

// With capture = notify: no slot and no log, only notifications from LISTEN.
void Worker::RunListener() {
  declared_.Sync(config_.config);
  OpenPipeline({});
  listener_ = std::make_unique<NotifyListener>(MakeOrigin(), pipeline_.get(), &counted_observers_);
  while (!MustLeave()) {
    listener_->Listen();
    listener_->Take();
    RunOnce(dead_letter_table_.WaitMs(nats::SteadyMs(), kIdleWaitMs), WaitForLogEvent());
    dead_letters_.Sync();
    DoHousekeeping();
  }
  Leave(true);
}

void Worker::DecodeSome() {
  decodable_ = DecodableLsn();
  for (int i = 0; i < kRecordsPerRun && pipeline_->HasRoom(); ++i) {
    if (reader_.DecodeNext()) continue;
    RunOnce(0, WaitForLogEvent());
    Confirm(pipeline_->window().empty() ? reader_.position() : pipeline_->window().settled_lsn());
    WaitForLog();
    return;
  }
  const bool full = !pipeline_->HasRoom();
  RunOnce(full ? kIdleWaitMs : 0, WaitForBrokerEvent());
  Confirm(pipeline_->window().empty() ? reader_.position() : pipeline_->window().settled_lsn());
}

// One turn of everything except decoding: timers, replies, sending, descriptors.  Waits for at most
// `timeout_ms`.  Also called while a transaction is being decoded.
void Worker::RunOnce(int64_t timeout_ms, uint32_t wait_event) {
  const int64_t now = nats::SteadyMs();
  publisher_->Tick(now);
  // The socket usually accepts everything at once; then its buffer has room for more messages
  // without a wait for the event.
  do {
    pipeline_->Run(now);
    if (pipeline_->has_new_stream()) NoteStream();
    if (pipeline_->has_new_batch()) NoteBatch();
    if (pipeline_->twice().most > 0) ReportDuplicates();
    if (publisher_->wants_write()) publisher_->OnSocket(false, true);
  } while (pipeline_->HasWork());
  ShowState();
  if (listener_ == nullptr) lag_watch_.Run(now, stream_name_);
  const bool publishing = pipeline_->state() == Pipeline::State::kStreaming;
  upkeep_.Run(publishing ? publisher_->connected_url() : "", now, &status_);
  for (const int64_t wait : {publisher_->WaitMs(now), pipeline_->WaitMs(now)}) {
    if (wait >= 0) timeout_ms = std::min(timeout_ms, wait);
  }
  wait_set_->Wait(timeout_ms, wait_event);
  // A process that is to end leaves only between turns, where nothing is half done: see
  // MustLeave().  Waits inside Postgres end at once.
  if (!ProcDiePending) CHECK_FOR_INTERRUPTS();
  pipeline_->Run(nats::SteadyMs());
}

void Worker::NoteStream() {
  if (pipeline_->losses() != losses_seen_) ReportDataLoss();
  if (listener_ == nullptr) {
    dead_letters_.Sync();
    slot_.SetHold(streams_.HoldsSlot());
    slot_.NoteStream(*pipeline_);
  }
  pipeline_->NoteStream();
}

void Worker::NoteBatch() {
  dead_letters_.Sync();
  pipeline_->BatchNoted(slot_.NoteBatch(*pipeline_, pipeline_->BatchToNote()));
}

void Worker::Confirm(XLogRecPtr lsn) {
  dead_letters_.Sync();
  slot_.SetHold(streams_.HoldsSlot());
  slot_.Confirm(*pipeline_, lsn, nats::SteadyMs());
  // The slot has passed the transaction at which workers have died.
  if (entry_->deaths.count > 0 && lsn > entry_->deaths.commit_lsn) entry_->deaths = {};
}

// Sleeps until there is more log, a reply, or periodic work.
void Worker::WaitForLog() {
  const XLogRecPtr commit_end = pg_atomic_read_u64(&entry_->commit_end);
  if (commit_end > decodable_ && !RecoveryInProgress()) XLogFlush(commit_end);
  const int64_t now_us = nats::SteadyUs();
  const bool hot = now_us - last_sleep_us_ < kHotUs;
  last_sleep_us_ = now_us;
  const bool many = pipeline_->sent() - sent_before_sleep_ >= kManyMessages;
  sent_before_sleep_ = pipeline_->sent();
  if (hot) {
    pg_usleep(many ? kLongLingerUs : kLingerUs);
    if (DecodableLsn() > decodable_) return;
  }
  if (decoder_ != nullptr) decoder_->ReportWithheld();
#ifdef __GLIBC__
  if (pipeline_->window().empty() && dead_letters_.empty() && WalReader::GaveBack()) {
    (void)malloc_trim(0);
  }
#endif
  pg_atomic_write_u32(&entry_->sleeping, 1);
  pg_memory_barrier();  // pairs with the one in commit_wake.cpp
  const bool more = DecodableLsn() > decodable_ ||
                    pg_atomic_read_u64(&entry_->commit_end) > std::max(decodable_, commit_end);
  const int64_t wait_ms = WalReader::AwaitsStandbys() ? kStandbyWaitMs : kIdleWaitMs;
  if (!more) RunOnce(dead_letter_table_.WaitMs(now_us / 1000, wait_ms), WaitForLogEvent());
  pg_atomic_write_u32(&entry_->sleeping, 0);
}

void Worker::ApplySettings() {
  SkipMessage();
  if (!ConfigReloadPending) return;
  ConfigReloadPending = false;
  entry_->has_reloaded = true;
  ProcessConfigFile(PGC_SIGHUP);
  wrong_settings_ = CheckWrittenSettings().status;
  if (FilesHaveChanged()) Leave(true);  // the next worker starts with the new files
  (void)ApplyConfig(config_.config);
  stream_name_ = settings.stream_name;
  const PipelineOptions options = CurrentPipelineOptions();
  if (settings.capture != capture_ || options.window_messages != options_.window_messages ||
      options.window_bytes != options_.window_bytes ||
      options.ack_timeout_ms != options_.ack_timeout_ms ||
      options.max_delay_ms != options_.max_delay_ms) {
    Leave(true);  // the next worker starts with the new sizes
  }
  if (decoder_ != nullptr) decoder_->ApplySettings();
  ChooseDeadLetterBox();
  slot_.SetDelay(settings.confirm_delay_ms);
  publisher_->Configure(CurrentBrokerSettings(database_name_.c_str()),
                        CurrentStreamSettings(MakeOrigin()));
  pipeline_->Restart();
  upkeep_.Begin(CurrentBrokerSettings(database_name_.c_str()));
}

bool Worker::MustLeave() const {
  return ProcDiePending || entry_->vacating > 0 || entry_->drop_slot || !settings.enabled ||
         entry_->fingerprint != row_.fingerprint || !IsDatabaseWanted(database_name_.c_str());
}

// Ends the process.  With `drain`, waits briefly for acknowledgements, so that less is sent again,
// but not for a silent broker: a session may be waiting for the process to end.
void Worker::Leave(bool drain) {
  const int64_t until = nats::SteadyMs() + kDrainMs;
  int64_t heard_ms = nats::SteadyMs();
  while (drain && !entry_->drop_slot && pipeline_->state() == Pipeline::State::kStreaming &&
         pipeline_->window().in_flight() > 0 &&
         nats::SteadyMs() < std::min(until, heard_ms + kDrainSilenceMs)) {
    const uint64_t acked = pipeline_->acked();
    RunOnce(10, WaitForBrokerEvent());
    if (pipeline_->acked() != acked) heard_ms = nats::SteadyMs();
  }
  if (listener_ == nullptr) {
    dead_letters_.Sync();
    slot_.SetHold(streams_.HoldsSlot());
    slot_.Finish(*pipeline_, pipeline_->window().settled_lsn());
  }
  proc_exit(0);
}

// A consumer may read the row as soon as it has the message, and must find it.  The commit record
// is in the log a moment before the transaction is visible, and long before when it waits for
// standbys.
void Worker::AwaitVisible() {
  if (IsVisibleToAll(hidden_xid_)) {
    hidden_xid_ = InvalidTransactionId;
    return;
  }
  for (int i = 0; i < kVisibilitySpins; ++i) {
    for (int j = 0; j < 100; ++j) pg_spin_delay();
    if (IsVisibleToAll(hidden_xid_)) break;
  }
  while (!IsVisibleToAll(hidden_xid_)) {
    // The committing session sets the latch after its transaction has become visible; see
    // commit_wake.cpp.
    pg_atomic_write_u32(&entry_->sleeping, 1);
    pg_memory_barrier();
    if (!IsVisibleToAll(hidden_xid_)) RunOnce(kIdleWaitMs, WaitForLogEvent());
    pg_atomic_write_u32(&entry_->sleeping, 0);
    Yield();
  }
  hidden_xid_ = InvalidTransactionId;
}

Message* Worker::Add() {
  if (hidden_xid_ != InvalidTransactionId) AwaitVisible();
  while (!pipeline_->HasRoom()) {
    RunOnce(kIdleWaitMs, WaitForBrokerEvent());
    Yield();
  }
  return pipeline_->Add();
}

void Worker::Reject(const Status& reason) {
  while (!(refused_ = pipeline_->Reject(reason)).ok()) {
    status_.RecordError(refused_);
    ShowState();
    wait_set_->Wait(kIdleWaitMs, WaitForBrokerEvent());
    Yield();
  }
}

void Worker::Report(const Status& trouble) {
  ereport(WARNING, (errmsg("%s", trouble.message().c_str()),
                    trouble.hint().empty() ? 0 : errhint("%s", trouble.hint().c_str())));
  status_.RecordError(trouble);
}

void Worker::Yield() {
  RunOnce(0, WaitForBrokerEvent());
  Confirm(pipeline_->window().settled_lsn());
  ApplySettings();
  if (MustLeave()) Leave(false);
}

}  // namespace fraiseql::pg
