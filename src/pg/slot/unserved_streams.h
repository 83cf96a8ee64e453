// SPDX-License-Identifier: PostgreSQL
#pragma once

// Streams that get no worker or no slot: the slot of the default stream keeps the log for them.
// Include after postgres.h.

#include <string>
#include <vector>

#include "pg/settings/stream_rows.h"
#include "pg/shared/stream_entries.h"

namespace fraiseql::pg {

// Fills `entries`, one for each row.
void ListStreamEntries(Oid database, const std::vector<StreamRow>& rows, StreamEntry* entries);

// Warns of each further stream that has no entry in shared memory.  REQUIRES: a transaction.
void WarnOfUnservedStreams(Oid database, const std::vector<StreamRow>& rows);

// Warns of a stream that has no slot, because of `missing`.
void WarnOfStreamWithoutSlot(const WorkerKey& key, const std::string& stream,
                             const Status& missing);

// Why a stream without an entry has no worker, and what to do, palloc'd.
const char* WhyNoEntry();
const char* HintForNoEntry();

}  // namespace fraiseql::pg
