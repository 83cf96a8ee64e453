// SPDX-License-Identifier: PostgreSQL
#pragma once

// Ensures that a slot exists, that a gap in what is published is reported, and that a copy of a
// server does not publish over its original.  Include after postgres.h.

#include <string>

#include "core/format/envelope.h"
#include "nats/base/background_call.h"
#include "nats/base/broker_settings.h"
#include "nats/jetstream/stream_tail.h"
#include "pg/shared/shmem.h"
#include "pg/slot/slot.h"
#include "pg/slot/slot_record.h"
#include "pg/shared/worker_status.h"

namespace fraiseql::pg {

// Runs before the worker acquires the slot: a process that decodes must not read and write tables
// like this.
//
//   * A slot that was invalidated, or is missing although the database has published before, is
//     replaced.  The commits between the old one's end and the new one's beginning are a gap: a row
//     of fraiseql_nats.gap, a WARNING, and a message on {topic_prefix}.gap at its place in the log.
//   * Once after each start of the server, and whenever there is a gap, this reads from the stream
//     how far this database has published.  If that is further than this server can have got,
//     another server published in its place: that one is the original, and this one is a copy that
//     stops until adopt() is called.  A standby that was promoted continues without it.
//
// Can be killed at any point and resumes there: each step is on disk before the next begins.
class SlotStartup {
 public:
  // `entry` and `status` are not owned.
  SlotStartup(const WorkerKey& worker, WorkerEntry* entry, WorkerStatus* status);

  enum class Outcome : uint8_t {
    kReady,        // acquire the slot
    kUnavailable,  // the slot is in use, or the broker does not answer; trouble() says why
    kCopy,         // an administrator must decide; trouble() says so
  };
  // Makes one attempt.  May wait for old transactions and, for seconds, for the broker; ends the
  // process if it is asked to end.  May raise.
  Outcome Prepare(const nats::BrokerSettings& broker);
  const Status& trouble() const { return trouble_; }

  // Acquires the slot; false if it has been invalidated since: call Prepare() again.  May raise.
  bool Acquire() { return AcquireUsableSlot(slot_.c_str()); }

  // Distinguishes our messages from the original's; empty: not necessary.
  const char* branch() const { return record_.branch; }
  // Whether this process has created the slot: then none of its messages can have been published.
  bool made() const { return made_; }
  // Where to resume in the log, if not at the slot's position: the original has published what is
  // before.
  XLogRecPtr resume_at() const { return resume_at_; }

 private:
  bool IsInUse();
  void EnsureSlot();
  Outcome CheckOrigin(const nats::BrokerSettings& broker);
  bool LookAtStream(const nats::BrokerSettings& broker);
  void NotePartition();
  Outcome DecideCopy();
  Outcome ReportCopy();
  Outcome RefuseUnknown();
  void RecordSlot();
  void Report(const Gap& gap) const;
  void LeaveIfAsked() const;
  Origin OriginNow() const;

  const WorkerKey worker_;
  WorkerEntry* const entry_;
  WorkerStatus* const status_;
  const SlotName slot_;
  SlotRecord record_;
  nats::BackgroundCall<nats::StreamTail> call_;
  nats::TailQuery query_;
  nats::StreamTail tail_;
  std::string in_vain_at_;  // broker and stream that could not answer; they are not read again
  Status trouble_;
  bool made_ = false;  // this process has created the slot
  bool is_copy_ = false;
  XLogRecPtr published_ = InvalidXLogRecPtr;  // earlier commits are in the stream
  XLogRecPtr resume_at_ = InvalidXLogRecPtr;
};

}  // namespace fraiseql::pg
