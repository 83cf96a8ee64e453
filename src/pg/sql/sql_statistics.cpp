// SPDX-License-Identifier: PostgreSQL
// The rows of the views pg_stat_fraiseql_nats and pg_stat_fraiseql_nats_observers, and their reset.
#include <limits>
#include <string>

extern "C" {
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

#include "pg/base/decodable_lsn.h"
#include "pg/base/server_text.h"
#include "pg/base/sql_function.h"
#include "pg/base/unix_time.h"
#include "pg/shared/shmem.h"
#include "pg/sql/stream_state.h"

namespace fraiseql::pg {

namespace {

// A stream as it is in shared memory at one moment.
struct SeenStream {
  WorkerKey key;
  char name[kStatsNameSize];
  TimestampTz since;
  int32 uncounted;
  StreamCounts counts;
  const WorkerEntry* entry;  // null: none
  pid_t pid;                 // 0: no worker runs
  WorkerTexts texts;
};

// False if the place is free.
bool See(int place, SeenStream* seen) {
  memset(&seen->texts, 0, sizeof(seen->texts));
  seen->pid = 0;
  LWLockAcquire(shared->lock, LW_SHARED);
  const StreamStats& stats = shared->stats.streams[place];
  seen->key = stats.key;
  strlcpy(seen->name, stats.name, sizeof(seen->name));
  seen->since = stats.since;
  seen->uncounted = stats.uncounted;
  seen->counts = stats.counts.Shown();
  seen->entry = OidIsValid(stats.key.database) ? FindEntry(stats.key) : nullptr;
  if (seen->entry != nullptr) {
    seen->pid = seen->entry->pid;
    seen->texts = seen->entry->texts;
  }
  LWLockRelease(shared->lock);
  return OidIsValid(seen->key.database);
}

// State, process and lag.
void AddState(const SeenStream& stream, ResultRow* row) {
  const SlotCondition slot = InspectSlot(OwnSlotName(stream.key).c_str());
  const bool keeps_log = slot.exists && slot.lost == nullptr;
  const bool works = stream.pid != 0;
  const uint64 flushed = DecodableLsn();
  row->AddText(works ? WorkerStateName(static_cast<WorkerState>(
                           pg_atomic_read_u32(&Progress(stream.entry)->state)))
                     : StateWithoutWorker(stream.key, stream.entry, stream.texts, keeps_log).state);
  row->Add(Int32GetDatum(stream.pid), !works);
  row->Add(
      Int64GetDatum(flushed > slot.confirmed ? static_cast<int64>(flushed - slot.confirmed) : 0),
      slot.confirmed == 0);
  const double lag = LagSeconds(stream.key, works ? stream.entry : nullptr, slot, flushed);
  row->Add(Float8GetDatum(lag), !works && !slot.exists);
  const uint32 in_flight = works ? pg_atomic_read_u32(&Progress(stream.entry)->in_flight) : 0;
  row->Add(Int32GetDatum(static_cast<int32>(in_flight)));
}

// The bound of the bucket of a quantile, in milliseconds.
void AddQuantile(const LatencyCounts& latency, double quantile, ResultRow* row) {
  const int bucket = latency.BucketOfQuantile(quantile);
  double ms = std::numeric_limits<double>::infinity();
  if (bucket >= 0 && bucket < LatencyCounts::kBuckets - 1) {
    ms = static_cast<double>(LatencyCounts::BoundUs(bucket)) / 1000;
  }
  row->Add(Float8GetDatum(ms), bucket < 0);
}

void AddLatency(const LatencyCounts& latency, ResultRow* row) {
  AddQuantile(latency, 0.5, row);
  AddQuantile(latency, 0.99, row);
  Datum buckets[LatencyCounts::kBuckets];
  for (int i = 0; i < LatencyCounts::kBuckets; ++i) {
    buckets[i] = Int64GetDatum(static_cast<int64>(latency.buckets[i].Get()));
  }
  row->Add(PointerGetDatum(construct_array(buckets, LatencyCounts::kBuckets, INT8OID, sizeof(int64),
                                           sizeof(Datum) >= sizeof(int64), TYPALIGN_DOUBLE)));
  row->Add(Float8GetDatum(static_cast<double>(latency.sum_us.Get()) / 1e6));
}

void AddStream(const SeenStream& stream, FunctionCallInfo fcinfo) {
  const char* database = get_database_name(stream.key.database);
  if (database == nullptr) return;  // it was dropped
  const StreamCounts& counts = stream.counts;
  ResultRow row(fcinfo);
  row.Add(ObjectIdGetDatum(stream.key.database));
  row.AddText(database);
  row.AddText(FromUtf8Anyhow(stream.name));
  AddState(stream, &row);
  for (const Counter& count : {counts.sent, counts.acked, counts.resent, counts.found,
                               counts.dropped, counts.bytes, counts.untestable, counts.dead_letters,
                               counts.order_breaks, counts.failures, counts.reconnects}) {
    row.AddNumber(count.Get());
  }
  row.Add(Int32GetDatum(stream.uncounted));
  AddLatency(counts.latency, &row);
  row.AddTime(
      stream.entry != nullptr ? pg_atomic_read_u64(&Progress(stream.entry)->last_progress_at) : 0);
  row.AddTime(static_cast<uint64>(stream.since));
  row.Append();
}

void StreamRows(FunctionCallInfo fcinfo) {
  BeginRows(fcinfo);
  if (shared == nullptr) return;
  auto* stream = NewInContext<SeenStream>(CurrentMemoryContext);
  for (int i = 0; i < shared->stats.stream_count; ++i) {
    if (See(i, stream)) AddStream(*stream, fcinfo);
  }
}

// An observer as it is in shared memory at one moment.
struct SeenObserver {
  Oid database;
  char stream[kStatsNameSize];
  char name[kStatsNameSize];
  TimestampTz since;
  ObserverCounts counts;
};

// False if the place is free.  Most are: they are passed without the lock.
bool See(int place, SeenObserver* seen) {
  const ObserverStats& stats = shared->stats.observers[place];
  if (!OidIsValid(stats.key.database)) return false;
  LWLockAcquire(shared->lock, LW_SHARED);
  seen->database = stats.key.database;
  const StreamStats* stream = FindStreamStats(stats.key);
  strlcpy(seen->stream, stream != nullptr ? stream->name : "", sizeof(seen->stream));
  strlcpy(seen->name, stats.name, sizeof(seen->name));
  seen->since = stats.since;
  seen->counts = stats.counts.Shown();
  LWLockRelease(shared->lock);
  return OidIsValid(seen->database) && seen->name[0] != '\0';
}

void AddObserver(const SeenObserver& observer, FunctionCallInfo fcinfo) {
  const char* database = get_database_name(observer.database);
  if (database == nullptr) return;
  const ObserverCounts& counts = observer.counts;
  ResultRow row(fcinfo);
  row.Add(ObjectIdGetDatum(observer.database));
  row.AddText(database);
  row.AddText(FromUtf8Anyhow(observer.stream));
  row.AddText(FromUtf8Anyhow(observer.name));
  for (const Counter& count :
       {counts.published, counts.bytes, counts.filtered, counts.untestable, counts.dead_letters}) {
    row.AddNumber(count.Get());
  }
  const auto published = static_cast<int64>(counts.last_published_us.Get());
  row.AddTime(published == 0 ? 0 : static_cast<uint64>(FromUnixUs(published)));
  row.AddTime(static_cast<uint64>(observer.since));
  row.Append();
}

void ObserverRows(FunctionCallInfo fcinfo) {
  BeginRows(fcinfo);
  if (shared == nullptr) return;
  SeenObserver observer;
  for (int i = 0; i < shared->stats.observer_count; ++i) {
    if (See(i, &observer)) AddObserver(observer, fcinfo);
  }
}

// Of the stream with this number; null: of all streams of the database.
void Reset(FunctionCallInfo fcinfo) {
  if (shared == nullptr) return;
  const TimestampTz now = GetCurrentTimestamp();
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  for (int i = 0; i < shared->stats.stream_count; ++i) {
    const WorkerKey key = shared->stats.streams[i].key;
    if (key.database != MyDatabaseId) continue;
    if (PG_ARGISNULL(0) || key.stream == PG_GETARG_INT32(0)) ResetStats(key, now);
  }
  LWLockRelease(shared->lock);
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_stream_stats, StreamRows(fcinfo));
SQL_FUNCTION(fraiseql_nats_observer_stats, ObserverRows(fcinfo));
SQL_FUNCTION(fraiseql_nats_reset_stats, Reset(fcinfo));
