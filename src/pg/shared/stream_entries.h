// SPDX-License-Identifier: PostgreSQL
#pragma once

// Which streams of a database are to have a worker.  Include after postgres.h.

#include <cstdint>

#include "pg/shared/shmem.h"

namespace fraiseql::pg {

// A row of fraiseql_nats.stream, as far as it matters here.
struct StreamEntry {
  int32 number;
  uint64_t fingerprint;
};

// Makes an entry for each further stream of the database that has none, so that the slot of its
// default stream keeps the log from here on: that is where the new stream's slot begins.  Returns
// the number of the first stream for which there is no place, or kDefaultStream.
int32 ReserveStreams(Oid database, const StreamEntry* streams, int count);

// Brings the entries in line with the rows that are committed: workers begin, begin anew, or end,
// and the slots of streams that are gone are dropped.  Raises nothing.
void SettleStreams(Oid database, const StreamEntry* streams, int count);

// The transaction that reserved is over: entries that nobody has settled are free again.
void ReleaseStreams(Oid database);

// Whether the slot of a stream of this database is still to be made out of that of the default
// stream, which must not go on meanwhile.  Cheap.
bool AwaitsSlots(WorkerEntry* default_entry);

// The slot of the stream is there.
void NoteSlotMade(WorkerEntry* entry);

}  // namespace fraiseql::pg
