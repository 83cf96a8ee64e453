// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "nats/jetstream/jetstream_client.h"

extern "C" {
#include "postgres.h"

#include "access/timeline.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
}

#include "pg/base/compat.h"
#include "pg/base/shared_text.h"
#include "pg/settings/broker_config.h"
#include "pg/settings/gucs.h"
#include "pg/settings/stream_rows.h"
#include "pg/slot/mark_file.h"
#include "pg/shared/stream_entries.h"
#include "pg/slot/slot_startup.h"

namespace fraiseql::pg {

namespace {

std::string LsnText(XLogRecPtr lsn) {
  std::string text;
  AppendLsn(lsn, &text);
  return text;
}

// Where the current timeline branched off from `timeline`; InvalidXLogRecPtr if its history does
// not contain it.
XLogRecPtr ForkPoint(TimeLineID timeline) {
  StartTransactionCommand();  // its end frees the history
  XLogRecPtr fork = InvalidXLogRecPtr;
  List* history = readTimeLineHistory(GetWALInsertionTimeLine());
  if (tliInHistory(timeline, history)) fork = tliSwitchPoint(timeline, history, nullptr);
  CommitTransactionCommand();
  return fork;
}

void MakeBranch(char (&branch)[kBranchSize + 1]) {
  uint32 random = 0;
  if (!pg_strong_random(&random, sizeof(random))) {
    ereport(ERROR, (errmsg("could not generate random values")));
  }
  snprintf(branch, sizeof(branch), "%08x", random);
}

const char* WhyMissing(const SlotRecord& record) {
  if (record.system_id != GetSystemIdentifier()) return "the server was upgraded without its slot";
  if (record.timeline != GetWALInsertionTimeLine()) {
    return "the server was promoted or restored without the slot";
  }
  return "the slot was dropped";
}

}  // namespace

SlotStartup::SlotStartup(const WorkerKey& worker, WorkerEntry* entry, WorkerStatus* status)
    : worker_(worker), entry_(entry), status_(status), slot_(OwnSlotName(worker)) {}

SlotStartup::Outcome SlotStartup::Prepare(const nats::BrokerSettings& broker) {
  record_ = ReadSlotRecord(slot_);
  if (IsInUse()) return Outcome::kUnavailable;
  EnsureSlot();
  // Whatever the broker answers, the default stream's slot need not keep the log any longer.
  if (entry_->awaits_slot) NoteSlotMade(entry_);
  const Outcome outcome = CheckOrigin(broker);
  is_copy_ = outcome == Outcome::kCopy;
  if (is_copy_ && made_) {
    // The slot of a copy only keeps log that no process reads.
    DropSlot(slot_.c_str());
    made_ = false;
  }
  if (outcome != Outcome::kReady) return outcome;
  EnsureSlot();  // it may have been lost during CheckOrigin(), or not created for a copy
  RecordSlot();
  return outcome;
}

bool SlotStartup::IsInUse() {
  const int pid = InspectSlot(slot_.c_str()).active_pid;
  if (pid == 0) return false;
  trouble_ = Status::Unavailable("replication slot \"" + std::string(slot_.c_str()) +
                                     "\" is in use by process " + std::to_string(pid),
                                 "Terminate that process; the slot belongs to this worker.");
  return true;
}

// Afterwards a usable slot exists, unless this is a copy; a gap is open if the slot was replaced.
void SlotStartup::EnsureSlot() {
  const SlotCondition slot = InspectSlot(slot_.c_str());
  if (slot.exists && slot.lost == nullptr) return;
  if (!record_.gap_open && (slot.exists || record_.known)) {
    OpenGap(slot_, slot.confirmed, slot.exists ? slot.lost : WhyMissing(record_));
    record_.gap_open = true;
  }
  if (slot.exists) DropSlot(slot_.c_str());
  if (is_copy_) return;
  status_->Show(WorkerState::kStarting,
                Status::Unavailable("waiting for transactions that began before the replication "
                                    "slot was created"),
                "", "");
  // The slot of a further stream starts at the commit that adds the stream, which the default
  // stream's slot has not passed yet.  A slot that replaces a lost one does not.
  std::string error;
  const WorkerKey first{worker_.database, kDefaultStream};
  if (worker_.stream == kDefaultStream || record_.known ||
      !CopySlot(OwnSlotName(first).c_str(), slot_.c_str(), &error)) {
    MakeSlot(slot_.c_str(), false);
    ReplicationSlotRelease();
  }
  made_ = true;
}

SlotStartup::Outcome SlotStartup::CheckOrigin(const nats::BrokerSettings& broker) {
  // A first slot has no history, and a server with another system identifier has other message ids.
  const bool same_system = record_.system_id == GetSystemIdentifier();
  const bool unsure = record_.known && same_system && !entry_->origin_checked;
  if (unsure) NotePartition();
  if (unsure && record_.is_copy && !record_.adopted) return ReportCopy();
  if (!unsure && !record_.gap_open) return Outcome::kReady;
  const std::string at = broker.url + " " + settings.stream_name;
  if (unsure && !record_.adopted && at == in_vain_at_) return RefuseUnknown();
  if (!LookAtStream(broker)) return Outcome::kUnavailable;
  in_vain_at_ = tail_.cut_short ? at : "";
  published_ = tail_.newest_lsn;
  return unsure ? DecideCopy() : Outcome::kReady;
}

// Records, before it writes more, where this server diverged from one that it may be a copy of.
void SlotStartup::NotePartition() {
  if (!XLogRecPtrIsInvalid(record_.parted_at)) return;
  record_.parted_at = shared->start_lsn;
  if (record_.timeline != GetWALInsertionTimeLine()) {
    const XLogRecPtr fork = ForkPoint(record_.timeline);
    record_.parted_at = XLogRecPtrIsInvalid(fork) ? record_.position : fork;
  }
  MarkParted(slot_, record_);
}

// False: trouble() says why the stream could not be read.
bool SlotStartup::LookAtStream(const nats::BrokerSettings& broker) {
  query_.stream = settings.stream_name;
  query_.origin.clear();
  AppendOrigin(OriginNow(), &query_.origin);
  // Messages before the mark do not distinguish a copy from its original.
  const std::optional<SettledMark> settled = ReadMarkFile(slot_.c_str());
  query_.mark = settled ? settled->mark : StreamMark::NothingStored();
  query_.likely = std::string(settings.subject_prefix) + ".>";
  query_.asked_subject = std::string(settings.topic_prefix) + ".gap";
  const nats::StreamSettings stream = CurrentStreamSettings();
  query_.wanted_subjects = stream.create ? stream.subjects : std::vector<std::string>{};
  trouble_ = call_.Start([broker, query = query_](nats::StreamTail* tail) {
    return nats::WithJetStream(
        broker, [&](nats::JetStreamClient* js) { return nats::LookAtTail(js, query, tail); });
  });
  while (call_.busy()) {
    LeaveIfAsked();
    (void)WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_EXIT_ON_PM_DEATH,
                            call_.wake_fd(), -1, WaitForBrokerEvent());
    ResetLatch(MyLatch);
    (void)call_.Finish(&trouble_, &tail_);
  }
  return trouble_.ok();
}

// Another server has published in place of this one if the stream has messages after the point of
// divergence.
SlotStartup::Outcome SlotStartup::DecideCopy() {
  if (tail_.newest_lsn < record_.parted_at && !record_.is_copy) {
    if (!tail_.cut_short) return Outcome::kReady;
    if (!record_.adopted) return RefuseUnknown();
  }
  if (!record_.adopted) {
    record_.is_copy = true;
    MarkParted(slot_, record_);
    return ReportCopy();
  }
  MakeBranch(record_.branch);
  published_ = record_.parted_at;
  // The start of a timeline is known exactly.  For a copy of the files it is not, since the server
  // may have run before without a worker: it publishes again what it may have published.
  if (record_.timeline != GetWALInsertionTimeLine()) resume_at_ = record_.parted_at;
  return Outcome::kReady;
}

SlotStartup::Outcome SlotStartup::ReportCopy() {
  trouble_ = Status::Invalid(
      "this server is a copy: another server has published in its place since they diverged at " +
          LsnText(record_.parted_at),
      "If this server should publish as well, run SELECT fraiseql_nats.adopt(); if not, set "
      "\"fraiseql_nats.enabled\" to off here, or drop the extension.");
  return Outcome::kCopy;
}

// The slot exists and keeps the log.
SlotStartup::Outcome SlotStartup::RefuseUnknown() {
  trouble_ = Status::Invalid(
      "this server may be a copy: whether another server has published in its place since they "
      "diverged at " +
          LsnText(record_.parted_at) + " cannot be determined from the last " +
          std::to_string(query_.limit) + " messages of stream \"" + query_.stream + "\"",
      "If this server should publish, run SELECT fraiseql_nats.adopt(); if not, set "
      "\"fraiseql_nats.enabled\" to off here, or drop the extension.");
  return Outcome::kUnavailable;
}

void SlotStartup::RecordSlot() {
  const bool moved = record_.system_id != GetSystemIdentifier() ||
                     record_.timeline != GetWALInsertionTimeLine() || record_.adopted;
  if (record_.known && entry_->origin_checked && !moved && !record_.gap_open) return;
  const XLogRecPtr known_published = std::max(record_.position, published_);
  if (record_.system_id != GetSystemIdentifier()) record_.branch[0] = '\0';
  record_.position = InspectSlot(slot_.c_str()).confirmed;
  record_.system_id = GetSystemIdentifier();
  record_.timeline = GetWALInsertionTimeLine();
  const bool announces = record_.gap_open && tail_.takes_subject;
  const char* subject = announces ? query_.asked_subject.c_str() : nullptr;
  const char* stream = worker_.stream == kDefaultStream ? kDefaultStreamName : settings.stream_name;
  const Gap gap = SettleRecord(slot_, record_, known_published, subject, stream);
  if (gap.there) Report(gap);
  record_.known = true;
  record_.adopted = record_.is_copy = record_.gap_open = false;
  record_.parted_at = InvalidXLogRecPtr;
  entry_->origin_checked = true;
}

void SlotStartup::Report(const Gap& gap) const {
  const ServerText stream(settings.stream_name);
  ereport(WARNING,
          (errmsg("changes that committed between %s and %s were not published to stream \"%s\"",
                  LsnText(gap.from).c_str(), LsnText(record_.position).c_str(), stream.c_str()),
           errdetail("Replication slot \"%s\" had to be recreated: %s.", slot_.c_str(), gap.reason),
           errhint("Publish the current rows of the observed tables with CALL "
                   "fraiseql_nats.backfill(...); gaps are listed in fraiseql_nats.gap.")));
  if (gap.backfills == 0) return;
  ereport(WARNING, (errmsg("backfills that must be restarted: " INT64_FORMAT, gap.backfills),
                    errdetail("Rows that they had written may be in the gap."),
                    errhint("The same CALL restarts them.  In the view fraiseql_nats.backfill "
                            "their state is \"lost\".")));
}

void SlotStartup::LeaveIfAsked() const {
  if (ProcDiePending || entry_->vacating > 0 || entry_->drop_slot) proc_exit(0);
  CHECK_FOR_INTERRUPTS();
}

Origin SlotStartup::OriginNow() const {
  Origin origin;
  origin.system_id = GetSystemIdentifier();
  origin.database_id = worker_.database;
  origin.branch = record_.branch;
  return origin;
}

}  // namespace fraiseql::pg
