// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Each stream that a database publishes to has one worker, with one slot.
struct WorkerKey {
  Oid database;
  int32 stream;  // its number in fraiseql_nats.stream; kDefaultStream: the stream of the settings
};
constexpr int32 kDefaultStream = 0;
inline bool operator==(const WorkerKey& a, const WorkerKey& b) {
  return a.database == b.database && a.stream == b.stream;
}

}  // namespace fraiseql::pg
