// SPDX-License-Identifier: PostgreSQL
#pragma once

// What SQL functions show of the state of a stream, of this database or of another one.  Include
// after postgres.h.

#include "pg/shared/shmem.h"
#include "pg/slot/slot.h"

namespace fraiseql::pg {

struct StateWithReason {
  const char* state;
  const char* reason;
  const char* hint;
};

// Why no worker runs, if none can say so itself.  `entry`: of the stream; null: it has none.
// `texts`: of the entry.
StateWithReason StateWithoutWorker(const WorkerKey& key, const WorkerEntry* entry,
                                   const WorkerTexts& texts, bool keeps_log);

// The functions of Postgres that read an atomic number take no constant one.
inline WorkerProgress* Progress(const WorkerEntry* entry) {
  return const_cast<WorkerProgress*>(&entry->progress);
}

// The age of the first commit that is not confirmed; 0: there is none.  The worker (null: none
// runs) has the time of messages that it has read; later commits are looked up in the log.
double LagSeconds(const WorkerKey& key, const WorkerEntry* worker, const SlotCondition& slot,
                  XLogRecPtr flushed);

}  // namespace fraiseql::pg
