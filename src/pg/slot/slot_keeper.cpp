// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <optional>
#include <utility>

extern "C" {
#include "postgres.h"

#include "replication/logical.h"
}

#include "pg/slot/mark_file.h"
#include "pg/slot/slot_keeper.h"
#include "pg/base/decodable_lsn.h"

namespace fraiseql::pg {

namespace {
constexpr int64_t kSaveIntervalMs = 1000;  // a save costs two fsyncs, about 1 ms
constexpr int64_t kMarkIntervalMs = 100;   // a mark costs no fsync, about 30 us

// The content of the mark file, which may be ahead of the slot on disk.  Empty if the mark lies
// after the end of the log: the file then belongs to another log, but for its batch, which may be
// that of the server that this one is a copy of.
SettledMark ReadMark(const SlotName& slot) {
  const std::optional<SettledMark> mark = ReadMarkFile(slot.c_str());
  const bool ours =
      mark && mark->settled_lsn <= DecodableLsn() && mark->through.commit_lsn <= DecodableLsn();
  if (ours) return *mark;
  SettledMark none;
  if (mark) none.batch = mark->batch;
  return none;
}
}  // namespace

ResumePoint SlotKeeper::Open(const SlotName& slot, bool fresh, XLogRecPtr begin) {
  slot_ = slot;
  ResumePoint from;
  if (!fresh) {
    const SettledMark marked = ReadMark(slot);
    from.batch = batch_ = marked.batch;
    begin = std::max(begin, XLogRecPtr{marked.settled_lsn});
    from.mark = marked.mark;  // without one, the pipeline has to read the whole stream
    from.seen = marked.seen;
    from.through = opened_through_ = marked.through;
    from.uncertain_before_lsn = DecodableLsn();
  }
  Advance(begin);
  from.settled_lsn = MyReplicationSlot->data.confirmed_flush;
  return from;
}

void SlotKeeper::Confirm(const Pipeline& pipeline, XLogRecPtr lsn, int64_t now_ms) {
  if (!delay_.on()) {
    Advance(lsn);
  } else if (!hold_) {  // the mark must not be ahead of the position
    if (lsn > held_back_ && delay_.IsDue(now_ms)) {
      held_back_ = lsn;
      delay_.Add({lsn, pipeline.mark()}, now_ms);
    }
    Confirmable ready;
    if (delay_.Take(now_ms, &ready)) {
      Advance(ready.lsn);
      mark_ = std::move(ready.mark);
    }
  }
  if (now_ms - saved_ms_ >= kSaveIntervalMs) {
    saved_ms_ = now_ms;
    SaveSlot();
  }
  if (now_ms - marked_ms_ < kMarkIntervalMs) return;
  const bool same = delay_.on() || SettledThrough(pipeline) == marked_.through;
  if (same && marked_.settled_lsn == MyReplicationSlot->data.confirmed_flush) return;
  marked_ms_ = now_ms;
  SaveMark(pipeline);
}

void SlotKeeper::NoteStream(const Pipeline& pipeline) {
  if (delay_.on()) {
    mark_ = {pipeline.mark().stream, 0};  // the slot's position is before what is settled
  } else {
    Advance(pipeline.window().settled_lsn());
  }
  SaveSlot();
  SaveMark(pipeline);
}

bool SlotKeeper::NoteBatch(const Pipeline& pipeline, const BatchMark& batch) {
  const BatchMark before = std::exchange(batch_, batch);
  if (IsMarkedSubject(batch.subject) && SaveMark(pipeline, /*flush=*/true)) return true;
  batch_ = before;
  return false;
}

void SlotKeeper::Finish(const Pipeline& pipeline, XLogRecPtr lsn) {
  if (!delay_.on()) Advance(lsn);
  SaveSlot();
  SaveMark(pipeline);
}

void SlotKeeper::Advance(XLogRecPtr lsn) {
  if (hold_ || XLogRecPtrIsInvalid(lsn) || lsn <= MyReplicationSlot->data.confirmed_flush) return;
  LogicalConfirmReceivedLocation(lsn);
  // Before 17 a clean shutdown saves only slots that are marked dirty.
  ReplicationSlotMarkDirty();
  dirty_ = true;
}

void SlotKeeper::SaveSlot() {
  if (!dirty_) return;
  ReplicationSlotSave();
  dirty_ = false;
}

// Where the slot's position is held, this process reads again what an earlier one has settled.  Its
// messages are before the mark, so the position up to which they are settled must not go back.
Position SlotKeeper::SettledThrough(const Pipeline& pipeline) const {
  return std::max(opened_through_, pipeline.window().settled_through());
}

// With a delay, only the mark of the confirmed position is saved: what is settled after it may be
// sent again.
bool SlotKeeper::SaveMark(const Pipeline& pipeline, bool flush) {
  SettledMark mark = {mark_, MyReplicationSlot->data.confirmed_flush, opened_through_};
  if (!delay_.on()) {
    mark.mark = pipeline.mark();
    mark.through = SettledThrough(pipeline);
    mark.seen = pipeline.stream_end();
  }
  if (mark.mark.stream.empty()) return false;
  mark.batch = batch_;
  marked_ = mark;
  if (WriteMarkFile(slot_.c_str(), mark, flush)) return true;
  if (std::exchange(reported_unwritable_, true)) return false;
  ereport(LOG, (errcode_for_file_access(),
                errmsg("could not write the stream mark of slot \"%s\": %m", slot_.c_str()),
                errdetail("After a crash, the worker has to read more of the stream.")));
  return false;
}

}  // namespace fraiseql::pg
