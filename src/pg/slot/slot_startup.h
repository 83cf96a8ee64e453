// SPDX-License-Identifier: PostgreSQL
#pragma once

// Sees to it that there is a slot to read from, that nothing is skipped in silence, and that a copy
// of a server does not publish over its original.  Include after postgres.h.

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

// Before the worker acquires the slot: who decodes must not read and write tables as is done here.
//
//   * A slot that was invalidated, or is missing although the database has published before, is
//     replaced.  What commits between the old one's end and the new one's beginning is a gap: a row
//     of fraiseql_nats.gap, a WARNING, and a message on {topic_prefix}.gap in its place in the log.
//   * Once after each start of the server, and whenever there is a gap, the stream is asked how far
//     this database has published.  If that is further than this server can have got, another
//     server published in its place: it is the original, and this one is a copy that stops until
//     adopt() is called.  A standby that was promoted goes on by itself.
//
// Killed at any point, it goes on there: each step is on disk before the next begins.
class SlotStartup {
 public:
  // `entry` and `status` are not owned.
  SlotStartup(const WorkerKey& worker, WorkerEntry* entry, WorkerStatus* status);

  enum class Outcome : uint8_t {
    kReady,        // acquire the slot
    kUnavailable,  // the slot is in use, or the broker cannot be asked now; trouble() says why
    kCopy,         // an administrator must say what is to be; so does trouble()
  };
  // Makes one attempt.  May wait for old transactions and, for seconds, for the broker; leaves the
  // process when it is to leave.  May raise.
  Outcome Prepare(const nats::BrokerSettings& broker);
  const Status& trouble() const { return trouble_; }

  // Acquires the slot; false if it has been invalidated since: prepare again.  May raise.
  bool Acquire() { return AcquireUsableSlot(slot_.c_str()); }

  // What tells our messages from the original's; empty: nothing needs to.
  const char* branch() const { return record_.branch; }
  // Whether the slot was made by this process: nothing that it gives can have been published.
  bool made() const { return made_; }
  // Where to begin in the log, if not where the slot is: the original has published what is before.
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
  std::string in_vain_at_;  // the broker and stream that did not tell; it is not asked again
  Status trouble_;
  bool made_ = false;  // the slot, in this process
  bool is_copy_ = false;
  XLogRecPtr published_ = InvalidXLogRecPtr;  // what committed before is in the stream
  XLogRecPtr resume_at_ = InvalidXLogRecPtr;
};

}  // namespace fraiseql::pg
