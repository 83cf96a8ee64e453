// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.observer_counts(): what the worker has counted of each observer.
extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

#include "pg/base/guard.h"
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
  InitMaterializedSRF(fcinfo, 0);
  const auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  WorkerEntry* entry = shared != nullptr ? FindEntry({MyDatabaseId, kDefaultStream}) : nullptr;
  auto* loaded = NewInContext<LoadedObservers>(CurrentMemoryContext);
  LoadObservers(nullptr, loaded);
  for (const Observer& observer : loaded->observers) {
    const uint64 untestable = CountOf(entry, ObserverHash(observer.name));
    const char* name = pg_any_to_server(pstrdup(observer.name.c_str()),
                                        static_cast<int>(observer.name.size()), PG_UTF8);
    Datum values[2] = {CStringGetTextDatum(name), Int64GetDatum(static_cast<int64>(untestable))};
    bool nulls[2] = {};
    tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
  }
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PG_FUNCTION_INFO_V1(fraiseql_nats_observer_counts);

Datum fraiseql_nats_observer_counts(PG_FUNCTION_ARGS) {
  fraiseql::pg::Guard([=] { fraiseql::pg::ObserverCounts(fcinfo); });
  return Datum{0};
}
}
