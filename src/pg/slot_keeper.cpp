// SPDX-License-Identifier: PostgreSQL
#include <optional>

extern "C" {
#include "postgres.h"

#include "replication/logical.h"
}

#include "pg/mark_file.h"
#include "pg/slot_keeper.h"
#include "pg/wal_reader.h"

namespace fraiseql::pg {

namespace {
constexpr int64_t kSaveIntervalMs = 1000;  // a save costs two fsyncs, about 1 ms
}

ResumePoint SlotKeeper::Open(const SlotName& slot, bool fresh, XLogRecPtr begin) {
  slot_ = slot;
  Tell(begin);
  ResumePoint from;
  if (!fresh) {
    // Without a mark, the whole stream has to be looked through.
    from.mark = ReadMarkFile(slot.c_str()).value_or(StreamMark{});
    from.seen = from.mark.sequence;
    from.horizon_lsn = DecodableLsn();
  }
  from.settled_lsn = MyReplicationSlot->data.confirmed_flush;
  return from;
}

void SlotKeeper::Confirm(const Pipeline& pipeline, XLogRecPtr lsn, int64_t now_ms) {
  if (!delay_.on()) {
    Tell(lsn);
  } else {
    if (lsn > held_back_ && delay_.IsDue(now_ms)) {
      held_back_ = lsn;
      delay_.Add({lsn, pipeline.mark()}, now_ms);
    }
    Confirmable ready;
    if (delay_.Take(now_ms, &ready)) {
      Tell(ready.lsn);
      mark_ = std::move(ready.mark);
    }
  }
  if (!dirty_ || now_ms - saved_ms_ < kSaveIntervalMs) return;
  saved_ms_ = now_ms;
  Save(delay_.on() ? mark_ : pipeline.mark());
}

void SlotKeeper::NoteStream(const Pipeline& pipeline) {
  StreamMark mark = pipeline.mark();
  if (delay_.on()) {
    mark.sequence = 0;  // the slot is further back than what is settled
  } else {
    Tell(pipeline.window().settled_lsn());
  }
  mark_ = mark;
  Save(mark);
}

void SlotKeeper::Finish(const Pipeline& pipeline, XLogRecPtr lsn) {
  if (!delay_.on()) Tell(lsn);
  if (dirty_) Save(delay_.on() ? mark_ : pipeline.mark());
}

void SlotKeeper::Tell(XLogRecPtr lsn) {
  if (XLogRecPtrIsInvalid(lsn) || lsn <= MyReplicationSlot->data.confirmed_flush) return;
  LogicalConfirmReceivedLocation(lsn);
  // Before 17 a clean shutdown saves only slots that say they have changed.
  ReplicationSlotMarkDirty();
  dirty_ = true;
}

void SlotKeeper::Save(const StreamMark& mark) {
  ReplicationSlotSave();
  dirty_ = false;
  if (mark.stream.empty() || WriteMarkFile(slot_.c_str(), mark) || told_unwritable_) return;
  told_unwritable_ = true;
  ereport(LOG, (errcode_for_file_access(),
                errmsg("could not write the stream mark of slot \"%s\": %m", slot_.c_str()),
                errdetail("After a crash, more of the stream has to be looked through.")));
}

}  // namespace fraiseql::pg
