// SPDX-License-Identifier: PostgreSQL
#pragma once

// What the database itself records about its slots, and so do its standbys and copies: the tables
// fraiseql_nats.slot and fraiseql_nats.gap.  Every function runs a transaction of its own, unless
// it says otherwise; may raise.  A function that writes a gap requires that the settings of the
// stream are in force.  Include after postgres.h.

extern "C" {
#include "access/xlogdefs.h"
}

#include "pg/slot/slot.h"

namespace fraiseql::pg {

constexpr char kSlotTableName[] = "slot";
constexpr char kGapTableName[] = "gap";
constexpr size_t kBranchSize = 8;  // hexadecimal digits

// The row of fraiseql_nats.slot.  Plain data: an error may longjmp over it.
struct SlotRecord {
  bool known = false;       // the row exists; else no slot was ever created for this database
  uint64 system_id = 0;     // of the server that published last
  TimeLineID timeline = 0;  // of the server that published last
  XLogRecPtr position = InvalidXLogRecPtr;  // earlier commits are published, or in a gap
  char branch[kBranchSize + 1] = "";        // see Origin; empty: none
  bool adopted = false;                     // adopt() was called since
  // From here on this server has published nothing, and another server may have published in its
  // place; InvalidXLogRecPtr: this server has published since.
  XLogRecPtr parted_at = InvalidXLogRecPtr;
  bool is_copy = false;   // another server has published in its place
  bool gap_open = false;  // a gap has no end yet, as no new slot exists
};

SlotRecord ReadSlotRecord(const SlotName& slot);

// Writes `parted_at` and `is_copy` of the record.
void MarkParted(const SlotName& slot, const SlotRecord& record);

// Begins a gap at `from`; InvalidXLogRecPtr: to be determined later.  The gap is on disk before any
// step that would make it undetectable.  With the default stream's slot, streams that have no slot
// yet lose the log that it kept for them: for each of them a gap begins, too.
void OpenGap(const SlotName& slot, XLogRecPtr from, const char* reason);

struct Gap {
  bool there = false;
  XLogRecPtr from = InvalidXLogRecPtr;
  char reason[128] = "";
  int64 backfills = 0;  // that must restart, because rows that they wrote may be in the gap
};

// Ends the open gap, if there is one, where the new slot begins (`record.position`), publishes it
// on `subject` of the stream named `stream` unless the subject is null, marks the backfills whose
// rows may be in it as lost, and writes the record, all in one transaction: so the new slot reads
// the gap's message at its place in the log.  A gap with an unknown beginning begins at
// `published`.
Gap SettleRecord(const SlotName& slot, const SlotRecord& record, XLogRecPtr published,
                 const char* subject, const char* stream);

// For status(): the number of gaps of this database, and when the last one was detected (0: none).
// Runs in the caller's transaction; needs no privileges.
void CountGaps(const SlotName& slot, int64* count, int64* last_at);

// For status(): the message of the newest unacknowledged alarm of this database, palloc'd; null:
// none.  Runs like CountGaps().
const char* NewestAlarm(const SlotName& slot);

// For messages(): the branch in the record; empty without one.  Runs like CountGaps().
void ReadBranch(const SlotName& slot, char (&branch)[kBranchSize + 1]);

}  // namespace fraiseql::pg
