// SPDX-License-Identifier: PostgreSQL
#pragma once

// Keeps the position of the slot that this process has acquired, and its stream mark.  Everything
// here may raise.  Include after postgres.h.

#include "core/pipeline/confirm_delay.h"
#include "core/pipeline/mark_line.h"
#include "core/pipeline/pipeline.h"

#include "pg/slot/slot.h"

namespace fraiseql::pg {

class SlotKeeper {
 public:
  // Where the pipeline resumes.  `fresh`: the slot was created just now, so the stream can hold
  // none of its messages.  `begin`: earlier commits are published already; counts if it is after
  // the slot's position.
  ResumePoint Open(const SlotName& slot, bool fresh, XLogRecPtr begin);

  // Sets for how long positions are held back before they are confirmed, from now on.
  void SetDelay(int64_t delay_ms) { delay_.SetDelay(delay_ms); }
  // While on, the slot keeps its position: the slot of a new stream is to be copied from it.
  void SetHold(bool on) { hold_ = on; }
  bool delays() const { return delay_.on(); }

  // Confirms that nothing before `lsn` is needed again.  Saves the slot at most once a second, and
  // ten times as often a mark file, which survives a crash of Postgres but not of the system.
  // REQUIRES: the pipeline has settled everything before `lsn`.
  void Confirm(const Pipeline& pipeline, XLogRecPtr lsn, int64_t now_ms);

  // Called when the stream is another one than that of the last mark: saves slot and mark before
  // anything is sent to it.
  void NoteStream(const Pipeline& pipeline);

  // Called before messages are sent in this batch: saves it with the mark, and flushes them.  False
  // if that is not possible.
  bool NoteBatch(const Pipeline& pipeline, const BatchMark& batch);

  // The last call: saves slot and mark.
  void Finish(const Pipeline& pipeline, XLogRecPtr lsn);

 private:
  void Advance(XLogRecPtr lsn);
  void SaveSlot();
  bool SaveMark(const Pipeline& pipeline, bool flush = false);
  Position SettledThrough(const Pipeline& pipeline) const;

  SlotName slot_{};
  ConfirmDelay delay_;
  XLogRecPtr held_back_ = InvalidXLogRecPtr;  // the latest position
  StreamMark mark_;                           // of the position confirmed after its delay
  bool hold_ = false;
  bool dirty_ = false;
  SettledMark marked_;       // in the mark file
  BatchMark batch_;          // in use
  Position opened_through_;  // what was settled when the slot was opened, beyond its position
  int64_t marked_ms_ = 0;
  bool reported_unwritable_ = false;
  int64_t saved_ms_ = 0;
};

}  // namespace fraiseql::pg
