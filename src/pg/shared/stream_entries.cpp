// SPDX-License-Identifier: PostgreSQL
#include <csignal>

extern "C" {
#include "postgres.h"

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
  WorkerEntry* own = FindEntry({database, kDefaultStream});
  if (own == nullptr) return;
  uint32 count = own->without_entry + own->reserved_without_entry;
  ForEachEntry(database, [&](const WorkerEntry* entry) { count += entry->awaits_slot ? 1 : 0; });
  pg_atomic_write_u32(&own->awaited_slots, count);
}

struct Lacking {
  bool entries = false;  // of any stream
  uint32 slots = 0;      // number of streams that have neither an entry nor a slot
};

// REQUIRES: lock.
Lacking FindLacking(Oid database, const StreamEntry* streams, int count) {
  Lacking lacking;
  for (int i = 0; i < count; ++i) {
    const int32 number = streams[i].number;
    if (number == kDefaultStream || FindEntry({database, number}) != nullptr) continue;
    lacking.entries = true;
    lacking.slots += streams[i].has_slot ? 0 : 1;
  }
  return lacking;
}

void Begin(WorkerEntry* entry, uint64_t fingerprint) {
  if (!entry->has_extension) {
    entry->failures = 0;
    entry->not_before = 0;
    ++entry->settled;
  }
  entry->has_extension = true;
  entry->reserved = false;
  if (entry->fingerprint == fingerprint) return;
  entry->fingerprint = fingerprint;
  ++entry->settled;
  WakeWorker(entry);
}

void End(WorkerEntry* entry) {
  ++entry->settled;
  entry->drop_slot = true;
  entry->has_extension = entry->reserved = entry->awaits_slot = entry->held = false;
  AskToEnd(entry);
}

}  // namespace

bool ReserveStreams(Oid database, const StreamEntry* streams, int count) {
  bool all = true;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  for (int i = 0; i < count; ++i) {
    const WorkerKey key{database, streams[i].number};
    if (key.stream == kDefaultStream || FindEntry(key) != nullptr) continue;
    WorkerEntry* entry = FindOrAddEntry(key);
    all = all && entry != nullptr;
    if (entry == nullptr) continue;
    entry->reserved = true;
    entry->awaits_slot = !streams[i].has_slot;
  }
  WorkerEntry* own = FindEntry({database, kDefaultStream});
  if (own != nullptr) own->reserved_without_entry = FindLacking(database, streams, count).slots;
  CountAwaitedSlots(database);
  LWLockRelease(shared->lock);
  return all;
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
      ++entry->settled;
      WakeWorker(entry);
    }
  });
  WorkerEntry* own = FindEntry({database, kDefaultStream});
  if (own != nullptr) {
    const Lacking lacking = FindLacking(database, streams, count);
    own->lacks_entries = lacking.entries;
    own->without_entry = lacking.slots;
    own->reserved_without_entry = 0;
  }
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
    entry->reserved_without_entry = 0;
  });
  CountAwaitedSlots(database);
  LWLockRelease(shared->lock);
  WakeLauncher();
}

bool LacksEntries(const WorkerEntry* default_entry) { return default_entry->lacks_entries; }

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
