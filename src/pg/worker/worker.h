// SPDX-License-Identifier: PostgreSQL
#pragma once

// The process that publishes one stream of one database.  Include after postgres.h.

#include <memory>
#include <optional>

#include "core/pipeline/pipeline.h"
#include "nats/publish/publisher.h"
#include "pg/slot/alarm_table.h"
#include "pg/worker/broker_upkeep.h"
#include "pg/settings/config_files.h"
#include "pg/deadletter/dead_letter_spool.h"
#include "pg/deadletter/dead_letter_table.h"
#include "pg/worker/declared_observers.h"
#include "pg/decode/decoder.h"
#include "pg/slot/lag_budget.h"
#include "pg/worker/notify_listener.h"
#include "pg/shared/counted_observers.h"
#include "pg/shared/shmem.h"
#include "pg/slot/slot_startup.h"
#include "pg/slot/slot_keeper.h"
#include "pg/worker/wait_set.h"
#include "pg/decode/wal_reader.h"
#include "pg/settings/stream_rows.h"
#include "pg/shared/stream_entries.h"
#include "pg/shared/worker_status.h"
#include "pg/worker/stream_settler.h"

namespace fraiseql::pg {

// Crash-only: an unexpected condition is an ERROR, which ends the process; the launcher starts
// another, which resumes at the slot's position.  Expected trouble is a state of the pipeline.
class Worker final : public MessageReceiver {
 public:
  Worker(const WorkerKey& key, WorkerEntry* entry);

  // Publishes until the process is asked to end; then ends it.
  [[noreturn]] void Run();

 private:
  // Before streaming: worker_start.cpp.
  void AwaitVersion();
  void FindOutAboutDatabase();
  bool FindOwnStream();
  void BeginStats();
  void AwaitSettings();
  void AwaitConfig();
  void AwaitSpool();
  void AwaitPreconditions();
  Status MissingPrecondition() const;
  void AwaitReload(WorkerState state, const Status& wrong, int64_t wait_ms);
  Status ReadConfig();
  bool FilesHaveChanged();
  void PrepareSlot();
  void OpenSlot();
  void OpenPipeline(const ResumePoint& start);
  Origin MakeOrigin() const;
  [[noreturn]] void RunListener();

  // Streaming.
  void DecodeSome();
  [[noreturn]] void StayPaused();
  void DoHousekeeping();
  void KeepTables();
  void RunOnce(int64_t timeout_ms, uint32_t wait_event);
  void NoteStream();
  void NoteBatch();
  void Confirm(XLogRecPtr lsn);
  void ShowState();
  Status StreamingNotice();
  std::string BlockedAt() const;
  Status BlockedReason(const Status& trouble) const;
  void SkipMessage();
  void ReportDataLoss();
  void ReportDuplicates();
  void WaitForLog();
  void AwaitVisible();
  void ApplySettings();
  void ChooseDeadLetterBox();
  bool MustLeave() const;
  [[noreturn]] void Leave(bool drain);

  // MessageReceiver
  void BeginTransaction(uint32_t xid) override { hidden_xid_ = xid; }
  Message* Add() override;
  void Seal() override { pipeline_->Seal(); }
  void EndTransaction(XLogRecPtr end_lsn) override { pipeline_->EndTransaction(end_lsn); }
  void Reject(const Status& reason) override;
  void Report(const Status& trouble) override;
  void Yield() override;

  const WorkerKey key_;
  WorkerEntry* const entry_;
  std::string database_name_;
  std::string stream_name_;  // at the broker; empty: not known yet
  WorkerStatus status_;
  std::optional<PublishStats> publish_stats_;
  CountedObservers counted_observers_;
  StreamRow row_;  // the stream's own settings; fingerprint 0: none
  StreamSettler streams_;
  LoadedConfig config_;
  DeclaredObservers declared_;
  PipelineOptions options_;
  std::unique_ptr<nats::Publisher> publisher_;
  std::unique_ptr<Pipeline> pipeline_;
  DeadLetterSpool dead_letters_;
  DeadLetterTable dead_letter_table_;
  AlarmTable alarm_table_;
  Status other_version_;   // the extension's version differs from the library's; ok: it does not
  Status wrong_settings_;  // a setting in the files is not in force; ok: all are
  Status wrong_files_;     // FraiseQL's files are not applied; ok: they are
  Status refused_;         // why the message being built could not be stored as a dead letter
  BrokerUpkeep upkeep_;
  SlotStartup startup_;
  LagWatch lag_watch_;
  std::unique_ptr<WaitSet> wait_set_;
  std::unique_ptr<Decoder> decoder_;
  WalReader reader_;
  SlotKeeper slot_;
  std::unique_ptr<NotifyListener> listener_;  // with capture = notify; else null
  const int capture_;
  XLogRecPtr decodable_ = InvalidXLogRecPtr;  // end of the log when it was last read to its end
  uint32_t hidden_xid_ = 0;                   // the current transaction, until it is visible to all
  int64_t last_sleep_us_ = 0;
  uint64_t sent_before_sleep_ = 0;
  int64_t standbys_had_all_ms_ = 0;
  uint64_t openings_seen_ = 0;
  uint64_t failures_seen_ = 0;
  uint64_t dead_letters_seen_ = 0;
  uint64_t losses_seen_ = 0;
};

}  // namespace fraiseql::pg
