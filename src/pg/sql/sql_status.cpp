// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.status(): the state of the workers of the current database.
#include <algorithm>
#include <vector>

extern "C" {
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"
}

#include "pg/base/compat.h"
#include "pg/base/sql_function.h"
#include "pg/settings/gucs.h"
#include "pg/settings/stream_rows.h"
#include "pg/base/server_text.h"
#include "pg/slot/lag_budget.h"
#include "pg/observe/observer_warnings.h"
#include "pg/slot/log_age.h"
#include "pg/shared/shmem.h"
#include "pg/slot/slot.h"
#include "pg/slot/slot_record.h"
#include "pg/slot/unserved_streams.h"
#include "pg/base/decodable_lsn.h"
#include "pg/base/version.h"

namespace fraiseql::pg {

namespace {

// The place in FraiseQL's files that switches publishing off, palloc'd; empty: none.
const char* DisabledBy() {
  LWLockAcquire(shared->lock, LW_SHARED);
  LauncherTexts texts = shared->launcher;
  LWLockRelease(shared->lock);
  return pstrdup(texts.disabled_by);
}

// The hint for `stream_drift`, unless there is a more important one.
constexpr char kDriftHint[] =
    "Run SELECT * FROM fraiseql_nats.stream_sync(); to change the differing settings of the stream "
    "that can be changed, or adjust the settings.";

struct StateWithReason {
  const char* state;
  const char* reason;
  const char* hint;
};

// Why no worker runs, if the server runs workers and this one has no entry.
StateWithReason StateWithoutEntry(int32 stream, bool keeps_log) {
  if (stream == kDefaultStream || FindEntry({MyDatabaseId, kDefaultStream}) == nullptr) {
    return {"stopped", "this database is not served",
            "The extension is found within a minute; if it is not, increase "
            "\"fraiseql_nats.max_workers\" and restart the server."};
  }
  return {"stopped",
          psprintf("%s; %s keeps the log for it", WhyNoEntry(),
                   keeps_log ? "its slot" : "the slot of the default stream"),
          HintForNoEntry()};
}

// Why no worker runs, if none can say so itself.
StateWithReason StateWithoutWorker(int32 stream, const WorkerEntry* entry, const WorkerTexts& texts,
                                   bool keeps_log) {
  if (shared == nullptr) {
    return {"not loaded", "the library is not loaded",
            "Add \"fraiseql_nats\" to \"shared_preload_libraries\" and restart the server."};
  }
  if (!settings.enabled) {
    return {"disabled",
            keeps_log ? "\"fraiseql_nats.enabled\" is off; the log is kept until it is on"
                      : "\"fraiseql_nats.enabled\" is off",
            "Set it to on and reload."};
  }
  const char* disabled_by = DisabledBy();
  if (disabled_by[0] != '\0') {
    return {
        "disabled",
        psprintf("publishing is switched off by %s%s", disabled_by,
                 keeps_log ? "; the log is kept until it is on" : ""),
        "Switch it on there, or with \"fraiseql_nats.enabled\" in postgresql.conf, and reload."};
  }
  if (!IsDatabaseWanted(get_database_name(MyDatabaseId))) {
    return {"disabled",
            keeps_log ? "\"fraiseql_nats.databases\" does not name this database; its log is kept"
                      : "\"fraiseql_nats.databases\" does not name this database",
            "Add it to the list and reload."};
  }
  if (RecoveryInProgress()) {
    return {"stopped", "the server is a standby", "Publishing begins when it is promoted."};
  }
  if (shared->launcher_latch == nullptr) {
    return {"stopped", "the launcher does not run",
            "It starts within seconds of the server; if it does not, increase "
            "\"max_worker_processes\" and restart the server."};
  }
  if (entry == nullptr) return StateWithoutEntry(stream, keeps_log);
  const bool reported = texts.reason[0] != '\0';
  return {"stopped", reported ? texts.reason : "the worker is about to start", texts.hint};
}

// The time of the first commit that is not confirmed; 0: none.  The worker has the time of messages
// that it has read; later commits are looked up in the log.
TimestampTz OldestUnconfirmed(WorkerCounters* c, bool works, const SlotCondition& slot,
                              XLogRecPtr flushed) {
  const uint64 oldest = works ? pg_atomic_read_u64(&c->oldest_unacked_at) : 0;
  if (oldest != 0) return static_cast<TimestampTz>(oldest);
  if (!slot.exists || slot.lost != nullptr) return 0;
  const uint64 read = works ? pg_atomic_read_u64(&c->read_lsn) : 0;
  return FirstCommitFrom(read != 0 ? read : slot.confirmed, flushed);
}

double LagSeconds(TimestampTz oldest) {
  // The clock of another session's commit may be ahead of this one.
  return oldest == 0 ? 0.0
                     : static_cast<double>(Max(GetCurrentTimestamp() - oldest, int64{1})) / 1e6;
}

// A stream, as its row of status() begins.
struct ShownStream {
  int32 number;
  const char* name;  // at the broker, if no worker has one
  SlotName slot;
  SlotCondition condition;
  XLogRecPtr kept_from;  // its slot keeps the log from here on; InvalidXLogRecPtr: it keeps none
};

ShownStream LookAt(int32 number, const char* name) {
  const SlotName slot = OwnSlotName({MyDatabaseId, number});
  const SlotCondition condition = InspectSlot(slot.c_str());
  const bool keeps = condition.exists && condition.lost == nullptr;
  return {number, name, slot, condition, keeps ? condition.restart_lsn : InvalidXLogRecPtr};
}

// Whether no slot of this database keeps older log.
bool HoldsLog(const ShownStream& stream, const std::vector<ShownStream>& all) {
  return !XLogRecPtrIsInvalid(stream.kept_from) &&
         std::none_of(all.begin(), all.end(), [&](const ShownStream& other) {
           return !XLogRecPtrIsInvalid(other.kept_from) && other.kept_from < stream.kept_from;
         });
}

void AddStatusRow(const ShownStream& stream, bool holds_log, FunctionCallInfo fcinfo) {
  const WorkerEntry* entry = nullptr;
  WorkerTexts texts;
  memset(&texts, 0, sizeof(texts));
  pid_t pid = 0;
  RaisedAlarm alarm{};
  TimestampTz stats_since = 0;
  if (shared != nullptr) {
    LWLockAcquire(shared->lock, LW_SHARED);
    entry = FindEntry({MyDatabaseId, stream.number});
    if (entry != nullptr) {
      texts = entry->texts;
      pid = entry->pid;
      alarm = entry->alarm;
      stats_since = entry->stats_since;
    }
    LWLockRelease(shared->lock);
  }
  WorkerCounters none;
  memset(&none, 0, sizeof(none));
  WorkerCounters* c = entry != nullptr ? const_cast<WorkerCounters*>(&entry->counters) : &none;
  const auto state = static_cast<WorkerState>(pg_atomic_read_u32(&c->state));
  const SlotName& slot = stream.slot;
  const SlotCondition& condition = stream.condition;
  const bool keeps_log = condition.exists && condition.lost == nullptr;
  const StateWithReason shown =
      pid != 0 ? StateWithReason{WorkerStateName(state), texts.reason, texts.hint}
               : StateWithoutWorker(stream.number, entry, texts, keeps_log);
  const uint64 flushed = DecodableLsn();
  const uint64 confirmed = condition.confirmed;
  const LagBudget budget = LagBudgetOf(slot);
  int64 gaps = 0;
  int64 last_gap_at = 0;
  CountGaps(slot, &gaps, &last_gap_at);

  ResultRow row(fcinfo);
  row.AddText(get_database_name(MyDatabaseId));
  row.AddText(shown.state);
  row.AddText(shown.reason);
  row.AddText(shown.hint[0] != '\0' || texts.stream_drift[0] == '\0' ? shown.hint : kDriftHint);
  row.AddText(texts.server);
  row.AddText(texts.stream[0] != '\0' ? texts.stream : stream.name);
  row.AddText(slot.c_str());
  row.AddBool(holds_log);
  row.AddLsn(flushed);
  row.AddLsn(pg_atomic_read_u64(&c->read_lsn));
  row.AddLsn(pg_atomic_read_u64(&c->sent_lsn));
  row.AddLsn(confirmed);
  row.Add(Int64GetDatum(flushed > confirmed ? static_cast<int64>(flushed - confirmed) : 0),
          confirmed == 0);
  row.Add(Float8GetDatum(LagSeconds(OldestUnconfirmed(c, pid != 0, condition, flushed))),
          entry == nullptr && !condition.exists);
  row.AddNumber(pg_atomic_read_u64(&c->sent));
  row.AddNumber(pg_atomic_read_u64(&c->acked));
  row.AddNumber(pg_atomic_read_u64(&c->resent));
  row.AddNumber(pg_atomic_read_u64(&c->found));
  row.Add(Int32GetDatum(static_cast<int32>(pg_atomic_read_u32(&c->in_flight))));
  row.AddBool(pg_atomic_read_u32(&c->exclusive) != 0);
  row.AddNumber(pg_atomic_read_u64(&c->order_breaks));
  row.AddNumber(pg_atomic_read_u64(&c->dropped));
  row.AddNumber(pg_atomic_read_u64(&c->untestable));
  row.AddNumber(pg_atomic_read_u64(&c->dead_letters));
  row.AddNumber(pg_atomic_read_u64(&c->reconnects));
  row.AddTime(static_cast<uint64>(stats_since));
  row.AddText(alarm.at != 0 ? alarm.message : NewestAlarm(slot));
  row.AddText(texts.last_error);
  row.AddTime(static_cast<uint64>(texts.last_error_at));
  row.AddTime(pg_atomic_read_u64(&c->last_progress_at));
  row.Add(Int64GetDatum(budget.safe_bytes), !budget.limited);
  row.AddNumber(static_cast<uint64>(gaps));
  row.AddTime(static_cast<uint64>(last_gap_at));
  row.AddNumber(pg_atomic_read_u64(&c->dlq_moved));
  row.AddNumber(pg_atomic_read_u64(&c->dlq_put_off));
  row.AddNumber(pg_atomic_read_u64(&c->dlq_not_understood));
  row.AddText(texts.dlq_trouble);
  row.AddText(texts.stream_drift);
  row.AddText(UnloggedTables());
  row.Append();
}

void Status(FunctionCallInfo fcinfo) {
  BeginRows(fcinfo);
  auto* rows = NewInContext<std::vector<StreamRow>>(CurrentMemoryContext);
  LoadStreamRows(rows);
  std::sort(rows->begin(), rows->end(),
            [](const StreamRow& a, const StreamRow& b) { return a.number < b.number; });
  auto* streams = NewInContext<std::vector<ShownStream>>(CurrentMemoryContext);
  streams->push_back(LookAt(kDefaultStream, ""));
  for (const StreamRow& row : *rows) {
    if (row.number == kDefaultStream) continue;
    streams->push_back(LookAt(row.number, FromUtf8Anyhow(row.name)));
  }
  for (const ShownStream& stream : *streams) {
    AddStatusRow(stream, HoldsLog(stream, *streams), fcinfo);
  }
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_status, Status(fcinfo));
