// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.observer_counts(): the worker's counters of each observer.
extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

#include "pg/base/sql_function.h"
#include "pg/base/guard.h"
#include "pg/base/server_text.h"
#include "pg/shared/observer_hash.h"
#include "pg/observe/observer_table.h"
#include "pg/shared/shmem.h"

namespace fraiseql::pg {

namespace {

uint64 CountOf(WorkerEntry* entry, uint64_t hash) {
  if (entry == nullptr) return 0;
  for (ObserverCount& count : entry->counters.observers) {
    if (pg_atomic_read_u64(&count.name_hash) == hash) return pg_atomic_read_u64(&count.untestable);
  }
  return 0;
}

void ObserverCounts(FunctionCallInfo fcinfo) {
  BeginRows(fcinfo);
  WorkerEntry* entry = shared != nullptr ? FindEntry({MyDatabaseId, kDefaultStream}) : nullptr;
  auto* loaded = NewInContext<LoadedObservers>(CurrentMemoryContext);
  LoadObservers(nullptr, loaded);
  for (const Observer& observer : loaded->observers) {
    ResultRow row(fcinfo);
    row.AddText(FromUtf8(observer.name));
    row.AddNumber(CountOf(entry, ObserverHash(observer.name)));
    row.Append();
  }
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_observer_counts, ObserverCounts(fcinfo));
