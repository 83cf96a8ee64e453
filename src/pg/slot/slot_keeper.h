// SPDX-License-Identifier: PostgreSQL
#pragma once

// Keeps the position of the slot that this process has acquired, and the stream mark that belongs
// to it.  Everything here may raise.  Include after postgres.h.

#include "core/pipeline/confirm_delay.h"
#include "core/pipeline/mark_line.h"
#include "core/pipeline/pipeline.h"

#include "pg/slot/slot.h"

namespace fraiseql::pg {

class SlotKeeper {
 public:
  // Where the pipeline has to go on.  `fresh`: the slot was made just now, so nothing of what it
  // will give can be in the stream.  `begin`: what commits before it is published already, if it
  // lies behind the slot's position.
  ResumePoint Open(const SlotName& slot, bool fresh, XLogRecPtr begin);

  // How long to hold back what may be confirmed, from now on.
  void SetDelay(int64_t delay_ms) { delay_.SetDelay(delay_ms); }
  // While on, the slot stays where it is: that of a new stream is to begin there.
  void SetHold(bool on) { hold_ = on; }
  bool delays() const { return delay_.on(); }

  // Tells the slot that nothing before `lsn` is needed again; goes to disk at most once a second,
  // and to a file that a crash of Postgres leaves ten times as often.
  // REQUIRES: the pipeline has settled what it was given before `lsn`.
  void Confirm(const Pipeline& pipeline, XLogRecPtr lsn, int64_t now_ms);

  // The stream is another one than that of the last mark: to disk now, before anything is sent to
  // it.
  void NoteStream(const Pipeline& pipeline);

  // The last time: to disk now.
  void Finish(const Pipeline& pipeline, XLogRecPtr lsn);

 private:
  void Advance(XLogRecPtr lsn);
  void SaveSlot();
  void SaveMark(const Pipeline& pipeline);

  SlotName slot_{};
  ConfirmDelay delay_;
  XLogRecPtr held_back_ = InvalidXLogRecPtr;  // the latest
  StreamMark mark_;                           // of what was told after it was held back
  bool hold_ = false;
  bool dirty_ = false;
  SettledMark marked_;  // in the mark file
  int64_t marked_ms_ = 0;
  bool reported_unwritable_ = false;
  int64_t saved_ms_ = 0;
};

}  // namespace fraiseql::pg
