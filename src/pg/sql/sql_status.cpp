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
#include "pg/shared/shmem.h"
#include "pg/slot/slot.h"
#include "pg/slot/slot_record.h"
#include "pg/sql/stream_state.h"
#include "pg/base/decodable_lsn.h"
#include "pg/base/version.h"

namespace fraiseql::pg {

namespace {

// The hint for `stream_drift`, unless there is a more important one.
constexpr char kDriftHint[] =
    "Run SELECT * FROM fraiseql_nats.stream_sync(); to change the differing settings of the stream "
    "that can be changed, or adjust the settings.";

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
  auto state = WorkerState::kStopped;
  RaisedAlarm alarm{};
  StreamCounts counts;
  TimestampTz stats_since = 0;
  if (shared != nullptr) {
    LWLockAcquire(shared->lock, LW_SHARED);
    entry = FindEntry({MyDatabaseId, stream.number});
    if (entry != nullptr) {
      texts = entry->texts;
      pid = entry->pid;
      state = static_cast<WorkerState>(pg_atomic_read_u32(&Progress(entry)->state));
      alarm = entry->alarm;
    }
    const StreamStats* stats = FindStreamStats({MyDatabaseId, stream.number});
    if (stats != nullptr) {
      counts = stats->counts.Shown();
      stats_since = stats->since;
    }
    LWLockRelease(shared->lock);
  }
  WorkerProgress none;
  memset(&none, 0, sizeof(none));
  WorkerProgress* progress = entry != nullptr ? Progress(entry) : &none;
  const SlotName& slot = stream.slot;
  const SlotCondition& condition = stream.condition;
  const bool keeps_log = condition.exists && condition.lost == nullptr;
  const StateWithReason shown =
      pid != 0 ? StateWithReason{WorkerStateName(state), texts.reason, texts.hint}
               : StateWithoutWorker({MyDatabaseId, stream.number}, entry, texts, keeps_log);
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
  row.AddLsn(pg_atomic_read_u64(&progress->read_lsn));
  row.AddLsn(pg_atomic_read_u64(&progress->sent_lsn));
  row.AddLsn(confirmed);
  row.Add(Int64GetDatum(flushed > confirmed ? static_cast<int64>(flushed - confirmed) : 0),
          confirmed == 0);
  row.Add(Float8GetDatum(LagSeconds({MyDatabaseId, stream.number}, pid != 0 ? entry : nullptr,
                                    condition, flushed)),
          entry == nullptr && !condition.exists);
  row.AddNumber(counts.sent.Get());
  row.AddNumber(counts.acked.Get());
  row.AddNumber(counts.resent.Get());
  row.AddNumber(counts.found.Get());
  row.Add(Int32GetDatum(static_cast<int32>(pg_atomic_read_u32(&progress->in_flight))));
  row.AddBool(pg_atomic_read_u32(&progress->exclusive) != 0);
  row.AddNumber(counts.order_breaks.Get());
  row.AddNumber(counts.dropped.Get());
  row.AddNumber(counts.untestable.Get());
  row.AddNumber(counts.dead_letters.Get());
  row.AddNumber(counts.reconnects.Get());
  row.AddTime(static_cast<uint64>(stats_since));
  row.AddText(alarm.at != 0 ? alarm.message : NewestAlarm(slot));
  row.AddText(texts.last_error);
  row.AddTime(static_cast<uint64>(texts.last_error_at));
  row.AddTime(pg_atomic_read_u64(&progress->last_progress_at));
  row.Add(Int64GetDatum(budget.safe_bytes), !budget.limited);
  row.AddNumber(static_cast<uint64>(gaps));
  row.AddTime(static_cast<uint64>(last_gap_at));
  row.AddNumber(counts.dlq_moved.Get());
  row.AddNumber(counts.dlq_put_off.Get());
  row.AddNumber(counts.dlq_not_understood.Get());
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
