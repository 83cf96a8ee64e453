// SPDX-License-Identifier: PostgreSQL
#pragma once

// Which streams of a database have a worker.  Include after postgres.h.

#include <cstdint>

#include "pg/shared/shmem.h"

namespace fraiseql::pg {

// The columns of a row of fraiseql_nats.stream that are needed here.
struct StreamEntry {
  int32 number;
  uint64_t fingerprint;
  bool has_slot;
};

// Adds an entry for each further stream of the database that has none.  The slot of the default
// stream keeps its position until each stream has a slot, which is copied from it; also for streams
// for which no entry is free.  False if there are such streams.
bool ReserveStreams(Oid database, const StreamEntry* streams, int count);

// Brings the entries in line with the committed rows: workers start, restart, or end, and the slots
// of dropped streams are dropped.  Raises nothing.
void SettleStreams(Oid database, const StreamEntry* streams, int count);

// Keeps the stream from having a worker until the transaction ends, and asks the present one to
// end. False as long as it has not.
bool HoldWorker(WorkerKey key);

// Called when the transaction aborts: frees the entries that it has reserved, and lets workers
// start again.
void ReleaseStreams(Oid database);

// Whether committed streams of the database have no entry, because none is free.
bool LacksEntries(const WorkerEntry* default_entry);

// Whether the slot of a stream of this database is still to be copied from that of the default
// stream, which must keep its position until then.  Cheap.
bool AwaitsSlots(WorkerEntry* default_entry);

// Called when the slot of the stream has been created.
void NoteSlotMade(WorkerEntry* entry);

}  // namespace fraiseql::pg
