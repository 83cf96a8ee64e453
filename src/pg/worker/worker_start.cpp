// SPDX-License-Identifier: PostgreSQL
// What the worker does before it streams, until the slot and the pipeline are open.
#include <utility>
#include <vector>

extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
}

#include "core/base/backoff.h"
#include "nats/base/clock.h"
#include "pg/settings/broker_config.h"
#include "pg/base/guard.h"
#include "pg/base/compat.h"
#include "pg/settings/gucs.h"
#include "pg/base/own_objects.h"
#include "pg/base/unix_time.h"
#include "pg/base/version.h"
#include "pg/settings/settings_check.h"
#include "pg/slot/unserved_streams.h"
#include "pg/worker/worker.h"

namespace fraiseql::pg {

namespace {

constexpr int64_t kMendingMs = 2000;  // between checks of what only an administrator can correct

void LogProblems(int level, const std::vector<ConfigProblem>& problems) {
  for (const ConfigProblem& problem : problems) {
    ereport(level, (errmsg("%s", problem.text().c_str()),
                    problem.hint.empty() ? 0 : errhint("%s", problem.hint.c_str())));
  }
}

// Replaces `reported` by `now`, and logs it if it differs.
void LogIfNew(int level, std::vector<ConfigProblem> now, std::vector<ConfigProblem>* reported) {
  const bool is_new = ProblemText(now) != ProblemText(*reported);
  *reported = std::move(now);
  if (is_new) LogProblems(level, *reported);
}

}  // namespace

// Reads the stream's own settings; false if the stream does not exist.  REQUIRES: a transaction.
bool Worker::FindOwnStream() {
  auto& rows = *NewInContext<std::vector<StreamRow>>(CurrentMemoryContext);
  LoadStreamRows(&rows);
  for (const StreamRow& row : rows) {
    if (row.number != key_.stream) continue;
    row_ = row;
    if (key_.stream != kDefaultStream) stream_name_ = row.name;
    dead_letter_table_.SetStream(row.name);
    return true;
  }
  return key_.stream == kDefaultStream;
}

// Reads no table, and calls no function, of SQL that the library may not know the meaning of.  When
// an update has committed, this process is told to end.
void Worker::AwaitVersion() {
  for (;;) {
    StartTransactionCommand();
    const char* name = get_database_name(key_.database);
    database_name_ = name != nullptr ? name : "";
    const VersionMismatch mismatch = FindVersionMismatch();
    const bool is_news = mismatch.reason != nullptr && other_version_.message() != mismatch.reason;
    other_version_ =
        mismatch.reason == nullptr ? Status::Ok() : Status::Invalid(mismatch.reason, mismatch.hint);
    CommitTransactionCommand();
    if (other_version_.ok()) return;
    if (is_news) {
      ereport(
          WARNING,
          (errmsg("%s", other_version_.message().c_str()),
           errdetail("This is so in database \"%s\".%s", database_name_.c_str(),
                     mismatch.is_unsafe ? " Nothing of it is published, and the log is kept." : ""),
           errhint("%s", other_version_.hint().c_str())));
    }
    if (!mismatch.is_unsafe) return;
    AwaitReload(WorkerState::kMisconfigured, other_version_, kMendingMs);
  }
}

// What a session commits behind this process's snapshot is newer than what this process has seen:
// then the next one looks again.
void Worker::FindOutAboutDatabase() {
  LWLockAcquire(shared->lock, LW_SHARED);
  const uint32 settled = entry_->settled;
  LWLockRelease(shared->lock);
  StartTransactionCommand();
  const bool has_extension = OidIsValid(OwnSchema());
  const bool has_stream = has_extension && FindOwnStream();
  CommitTransactionCommand();
  const bool orphaned_slot = !has_stream && SlotExists(OwnSlotName(key_).c_str());
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  const bool is_news = entry_->settled != settled;
  if (!is_news) {
    entry_->has_extension = has_stream;
    entry_->without_extension = !has_extension;
    entry_->drop_slot = entry_->drop_slot || orphaned_slot;
    entry_->fingerprint = row_.fingerprint;
  }
  LWLockRelease(shared->lock);
  if (is_news) proc_exit(0);
  if (has_stream) return BeginStats();
  RemoveDeadLetterSpool(key_);
  proc_exit(0);
}

void Worker::BeginStats() {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  StreamStats* stats = BeginStreamStats(key_, stream_name_.c_str());
  LWLockRelease(shared->lock);
  status_.SetStats(stats);
  counted_observers_.Open(stats);
  publish_stats_.emplace(&stats->counts.now, [] { return int64_t{UnixNowUs()}; });
}

Status Worker::MissingPrecondition() const {
  if (!CanBeLogical()) {
    return Status::Invalid(std::string("\"wal_level\" is not \"") + kNeededWalLevelName + "\"",
                           std::string("Set \"wal_level\" to \"") + kNeededWalLevelName +
                               "\" and restart the server.");
  }
  const SlotName slot = OwnSlotName(key_);
  if (!SlotExists(slot.c_str()) && !HasFreeSlot()) {
    return Status::Invalid("all replication slots are in use",
                           "Increase \"max_replication_slots\" and restart the server, or drop a "
                           "slot that is not used.");
  }
  return Status::Ok();
}

// Waits, without a slot and without a loop of errors, for what only an administrator can correct.
void Worker::AwaitPreconditions() {
  bool warned = key_.stream == kDefaultStream;
  for (Status missing; !(missing = MissingPrecondition()).ok();) {
    if (!warned && entry_->awaits_slot) {
      WarnOfStreamWithoutSlot(key_, stream_name_, missing);
    }
    warned = true;
    AwaitReload(WorkerState::kMisconfigured, missing, kMendingMs);
  }
}

// Shows what is wrong, and waits until a change is possible.
void Worker::AwaitReload(WorkerState state, const Status& wrong, int64_t wait_ms) {
  status_.Show(state, wrong, "", state == WorkerState::kPaused ? stream_name_ : "");
  lag_watch_.Run(nats::SteadyMs(), stream_name_);
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
                  static_cast<long>(wait_ms), LauncherMainEvent());
  ResetLatch(MyLatch);
  if (ProcDiePending) proc_exit(0);
  CHECK_FOR_INTERRUPTS();
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    entry_->has_reloaded = true;
    ProcessConfigFile(PGC_SIGHUP);
    if (FilesHaveChanged()) proc_exit(0);  // the next worker starts with the new files
  }
  if (MustLeave()) proc_exit(0);
}

// Publishes nothing, and confirms nothing, so that the log is kept.  After resume() another process
// goes on where the last one has stopped.
void Worker::StayPaused() {
  const Status paused =
      Status::Unavailable("paused by fraiseql_nats.pause()",
                          "SELECT fraiseql_nats.resume(); or, of a further stream, resume('" +
                              stream_name_ + "'), publishes what has happened meanwhile.");
  for (;;) {
    KeepTables();
    AwaitReload(WorkerState::kPaused, paused, kMendingMs);
  }
}

// A worker does nothing while a value that an administrator wrote is not in force: with the
// built-in default it might publish to another broker.
void Worker::AwaitSettings() {
  bool waited = false;
  for (;; waited = true) {
    const SettingsProblem problem = CheckWrittenSettings();
    wrong_settings_ = problem.status;
    if (!problem.nothing_in_force) break;
    AwaitReload(WorkerState::kMisconfigured, wrong_settings_, kMendingMs);
  }
  if (waited) proc_exit(0);  // the next worker starts with the corrected settings
}

void Worker::AwaitConfig() {
  for (Status wrong; !(wrong = ReadConfig()).ok();) {
    AwaitReload(WorkerState::kMisconfigured, wrong, kMendingMs);
  }
  stream_name_ = settings.stream_name;
}

void Worker::AwaitSpool() {
  for (Status wrong; !(wrong = dead_letters_.Open()).ok();) {
    AwaitReload(WorkerState::kMisconfigured, wrong, kMendingMs);
  }
  if (!dead_letters_.damage().ok()) status_.RaiseLossAlarm(dead_letters_.damage(), false);
}

// Reads FraiseQL's files for the first time.
Status Worker::ReadConfig() {
  LoadConfig(&config_);
  if (!config_.errors.empty()) {
    return Status::Invalid(config_.errors.front().text(), config_.errors.front().hint);
  }
  LogProblems(WARNING, config_.config.warnings);
  LogProblems(LOG, config_.config.notices);
  const Status applied = ApplyConfig(config_.config);
  return applied.ok() ? ApplyOwnSettings(row_.settings) : applied;
}

// Reads FraiseQL's files again.  If they are wrong, the last valid content stays in force.
bool Worker::FilesHaveChanged() {
  LoadedConfig config;
  LoadConfig(&config);
  wrong_files_ = {};
  if (config.errors.empty()) {
    if (config.fingerprint != config_.fingerprint) return true;
    LogIfNew(WARNING, std::move(config.config.warnings), &config_.config.warnings);
    LogIfNew(LOG, std::move(config.config.notices), &config_.config.notices);
    return false;
  }
  const ConfigProblem& error = config.errors.front();
  wrong_files_ = Status::Invalid("configuration is not applied: " + error.text(), error.hint);
  status_.RecordError(Status::Invalid(error.text()));
  ereport(LOG, (errmsg("configuration is not applied: %s", error.text().c_str()),
                error.hint.empty() ? 0 : errhint("%s", error.hint.c_str())));
  return false;
}

// Waits until a slot exists and this server may publish from it.
void Worker::PrepareSlot() {
  Backoff backoff(PipelineOptions{}.min_delay_ms, options_.max_delay_ms);
  status_.Show(WorkerState::kConnecting, Status::Ok(), "", "");
  for (;;) {
    const nats::BrokerSettings broker = CurrentBrokerSettings(database_name_.c_str());
    const SlotStartup::Outcome outcome = startup_.Prepare(broker);
    if (outcome == SlotStartup::Outcome::kReady) return;
    if (outcome == SlotStartup::Outcome::kCopy) {
      AwaitReload(WorkerState::kMisconfigured, startup_.trouble(), kMendingMs);
    } else {
      status_.RecordError(startup_.trouble());
      AwaitReload(WorkerState::kWaiting, startup_.trouble(), backoff.Next());
    }
  }
}

void Worker::OpenSlot() {
  // Sync() may wait for the broker; and what it caches is invalid for decoding once the slot is
  // acquired.
  declared_.Sync(config_.config);
  do {
    PrepareSlot();
  } while (!startup_.Acquire());
  slot_.SetDelay(settings.confirm_delay_ms);
  OpenPipeline(slot_.Open(OwnSlotName(key_), startup_.made(), startup_.resume_at()));
  decoder_ = std::make_unique<Decoder>(MakeOrigin(), this, TopMemoryContext,
                                       Isolation(entry_->deaths), &counted_observers_);
  reader_.Open(decoder_.get());
  if (row_.paused) StayPaused();
}

Origin Worker::MakeOrigin() const {
  Origin origin;
  origin.system_id = GetSystemIdentifier();
  origin.database_id = key_.database;
  origin.database = database_name_;
  if (key_.stream != kDefaultStream) origin.stream = row_.name;
  origin.branch = startup_.branch();
  return origin;
}

void Worker::OpenPipeline(const ResumePoint& start) {
  publisher_ = std::make_unique<nats::Publisher>(CurrentBrokerSettings(database_name_.c_str()),
                                                 CurrentStreamSettings(MakeOrigin()));
  pipeline_ = std::make_unique<Pipeline>(publisher_.get(), options_, start);
  pipeline_->SetStats(&*publish_stats_);
  ChooseDeadLetterBox();
  wait_set_ = std::make_unique<WaitSet>(publisher_.get());
  upkeep_.Begin(CurrentBrokerSettings(database_name_.c_str()));
}

void Worker::ChooseDeadLetterBox() {
  pipeline_->SetDeadLetterBox(settings.on_error == kOnErrorDeadLetter ? &dead_letters_ : nullptr);
}

}  // namespace fraiseql::pg
