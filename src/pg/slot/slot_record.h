// SPDX-License-Identifier: PostgreSQL
#pragma once

// What a database itself knows of its slot, and so do its standbys and copies: the tables
// fraiseql_nats.slot and fraiseql_nats.gap.  Every function runs a transaction of its own; may
// raise.  Include after postgres.h.

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
  bool known = false;       // there is a row; else no slot was ever made for this database
  uint64 system_id = 0;     // of the server that published last,
  TimeLineID timeline = 0;  // and its timeline
  XLogRecPtr position = InvalidXLogRecPtr;  // what committed before is published, or in a gap
  char branch[kBranchSize + 1] = "";        // see Origin; empty: none
  bool adopted = false;                     // somebody called adopt() since
  // From here on this server has published nothing, and does not know whether another one has done
  // so in its place; InvalidXLogRecPtr: it has published, there is none.
  XLogRecPtr parted_at = InvalidXLogRecPtr;
  bool is_copy = false;   // another one has
  bool gap_open = false;  // begun, and not closed: there was no new slot yet
};

SlotRecord ReadSlotRecord(const SlotName& slot);

// Writes `parted_at` and `is_copy` of the record.
void MarkParted(const SlotName& slot, const SlotRecord& record);

// Begins a gap at `from`; InvalidXLogRecPtr: that is still to be found out.  It is on disk before
// anything is done that would make it forgotten.
void OpenGap(const SlotName& slot, XLogRecPtr from, const char* reason);

struct Gap {
  bool there = false;
  XLogRecPtr from = InvalidXLogRecPtr;
  char reason[128] = "";
  int64 backfills = 0;  // that have to begin anew, since what they wrote may be in it
};

// Ends the open gap, if there is one, where the new slot begins (`record.position`), publishes it
// on `subject` unless that is null, and writes the record, all in one transaction: the message has
// its place in the log that the new slot reads.  A gap whose beginning is not known begins at
// `published`.  Backfills whose rows may be in it begin anew.
Gap SettleRecord(const SlotName& slot, const SlotRecord& record, XLogRecPtr published,
                 const char* subject);

// For status(): how many gaps this database has, and when the last one was found (0: none).  In the
// caller's transaction, whatever rights the caller has.
void CountGaps(const SlotName& slot, int64* count, int64* last_at);

// For status(): the message of the newest alarm of this database that nobody has acknowledged,
// palloc'd; null: there is none.  The same.
const char* NewestAlarm(const SlotName& slot);

// For messages(): the branch in the record; empty without one.  The same.
void ReadBranch(const SlotName& slot, char (&branch)[kBranchSize + 1]);

}  // namespace fraiseql::pg
