// SPDX-License-Identifier: PostgreSQL
#include <csignal>

extern "C" {
#include "postgres.h"

#include "storage/latch.h"
#include "storage/lwlock.h"
}

#include "pg/shared/stream_entries.h"

namespace fraiseql::pg {

namespace {

const StreamEntry* Find(const StreamEntry* streams, int count, int32 number) {
  for (int i = 0; i < count; ++i) {
    if (streams[i].number == number) return &streams[i];
  }
  return nullptr;
}

// REQUIRES: lock, exclusive.
void CountAwaitedSlots(Oid database) {
  uint32 count = 0;
  ForEachEntry(database, [&](const WorkerEntry* entry) { count += entry->awaits_slot ? 1 : 0; });
  WorkerEntry* own = FindEntry({database, kDefaultStream});
  if (own != nullptr) pg_atomic_write_u32(&own->awaited_slots, count);
}

void Begin(WorkerEntry* entry, uint64_t fingerprint) {
  if (!entry->has_extension) {
    entry->failures = 0;
    entry->not_before = 0;
  }
  entry->has_extension = true;
  entry->reserved = false;
  if (entry->fingerprint == fingerprint) return;
  entry->fingerprint = fingerprint;
  if (entry->latch != nullptr) SetLatch(entry->latch);
}

void End(WorkerEntry* entry) {
  entry->drop_slot = true;
  entry->has_extension = entry->reserved = entry->awaits_slot = entry->held = false;
  AskToEnd(entry);
}

}  // namespace

int32 ReserveStreams(Oid database, const StreamEntry* streams, int count) {
  int32 without_place = kDefaultStream;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  for (int i = 0; i < count; ++i) {
    const WorkerKey key{database, streams[i].number};
    if (key.stream == kDefaultStream || FindEntry(key) != nullptr) continue;
    WorkerEntry* entry = FindOrAddEntry(key);
    if (entry != nullptr) {
      entry->reserved = entry->awaits_slot = true;
    } else if (without_place == kDefaultStream) {
      without_place = key.stream;
    }
  }
  CountAwaitedSlots(database);
  LWLockRelease(shared->lock);
  return without_place;
}

void SettleStreams(Oid database, const StreamEntry* streams, int count) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  ForEachEntry(database, [&](WorkerEntry* entry) {
    const StreamEntry* stream = Find(streams, count, entry->stream);
    if (stream != nullptr) {
      Begin(entry, stream->fingerprint);
    } else if (entry->stream != kDefaultStream) {
      End(entry);
    } else if (entry->fingerprint != 0) {  // its own settings were removed
      entry->fingerprint = 0;
      if (entry->latch != nullptr) SetLatch(entry->latch);
    }
  });
  CountAwaitedSlots(database);
  LWLockRelease(shared->lock);
  WakeLauncher();
}

bool HoldWorker(WorkerKey key) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  WorkerEntry* entry = FindEntry(key);
  if (entry != nullptr) {
    entry->held = true;
    AskToEnd(entry);
  }
  const bool ended = entry == nullptr || (entry->pid == 0 && !entry->starting);
  LWLockRelease(shared->lock);
  return ended;
}

void ReleaseStreams(Oid database) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  ForEachEntry(database, [](WorkerEntry* entry) {
    entry->held = false;
    if (entry->reserved) entry->reserved = entry->awaits_slot = false;
  });
  CountAwaitedSlots(database);
  LWLockRelease(shared->lock);
  WakeLauncher();
}

bool AwaitsSlots(WorkerEntry* default_entry) {
  return pg_atomic_read_u32(&default_entry->awaited_slots) > 0;
}

void NoteSlotMade(WorkerEntry* entry) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  entry->awaits_slot = false;
  CountAwaitedSlots(entry->database);
  LWLockRelease(shared->lock);
}

}  // namespace fraiseql::pg
