// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "miscadmin.h"
#include "utils/snapmgr.h"
}

#include "pg/base/compat.h"
#include "pg/worker/wait_set.h"

namespace fraiseql::pg {

// A socket cannot be removed from a set: a new connection needs a new set.
void WaitSet::Rebuild() {
  if (set_ != nullptr) FreeWaitEventSet(set_);
  set_ = NewWaitEventSet(4);
  AddWaitEventToSet(set_, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
  AddWaitEventToSet(set_, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
  if (publisher_->wake_fd() >= 0) {
    AddWaitEventToSet(set_, WL_SOCKET_READABLE, publisher_->wake_fd(), nullptr, &generation_);
  }
  socket_position_ = -1;
  generation_ = publisher_->socket_generation();
  if (publisher_->socket() >= 0) {
    socket_events_ = WL_SOCKET_READABLE;
    socket_position_ =
        AddWaitEventToSet(set_, WL_SOCKET_READABLE, publisher_->socket(), nullptr, nullptr);
  }
}

void WaitSet::Adjust() {
  if (set_ == nullptr || generation_ != publisher_->socket_generation()) Rebuild();
  if (socket_position_ < 0) return;
  const uint32_t wanted =
      WL_SOCKET_READABLE | (publisher_->wants_write() ? WL_SOCKET_WRITEABLE : 0);
  if (wanted == socket_events_) return;
  ModifyWaitEvent(set_, socket_position_, wanted, nullptr);
  socket_events_ = wanted;
}

void WaitSet::Wait(int64_t timeout_ms, uint32_t wait_event) {
  Adjust();
  // Decoding may have left a catalog snapshot in the middle of a transaction.  CREATE INDEX
  // CONCURRENTLY would wait for it, and so for the broker.
  InvalidateCatalogSnapshotConditionally();
  WaitEvent events[4];
  const int count = WaitEventSetWait(set_, static_cast<long>(timeout_ms), events, 4, wait_event);
  for (int i = 0; i < count; ++i) {
    if ((events[i].events & WL_LATCH_SET) != 0) {
      ResetLatch(MyLatch);
    } else if (events[i].user_data == &generation_) {
      publisher_->OnWake();
    } else if (events[i].pos == socket_position_ &&
               generation_ == publisher_->socket_generation()) {
      publisher_->OnSocket((events[i].events & WL_SOCKET_READABLE) != 0,
                           (events[i].events & WL_SOCKET_WRITEABLE) != 0);
    }
  }
}

}  // namespace fraiseql::pg
