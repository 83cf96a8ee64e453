// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlog_internal.h"
}

#include "pg/base/compat.h"
#include "pg/base/shared_text.h"
#include "pg/slot/lag_budget.h"

namespace fraiseql::pg {

namespace {

constexpr int64_t kIntervalMs = 1000;
constexpr int kSteps[] = {95, 80, 50};  // percent

}  // namespace

// The same arithmetic as the checkpointer's: whole segments, and never less than wal_keep_size.
LagBudget LagBudgetOf(const SlotName& slot) {
  LagBudget budget;
  const SlotCondition condition = InspectSlot(slot.c_str());
  if (max_slot_wal_keep_size_mb < 0 || XLogRecPtrIsInvalid(condition.restart_lsn)) return budget;
  const int keep_mb = std::max(max_slot_wal_keep_size_mb, wal_keep_size_mb);
  const auto keep_segments = static_cast<XLogSegNo>(XLogMBVarToSegs(keep_mb, wal_segment_size));
  XLogSegNo segment;
  XLogRecPtr fatal;
  XLByteToSeg(condition.restart_lsn, segment, wal_segment_size);
  XLogSegNoOffsetToRecPtr(segment + keep_segments + 1, 0, wal_segment_size, fatal);
  const XLogRecPtr written = GetXLogWriteRecPtr();
  const auto used = static_cast<int64_t>(written - condition.restart_lsn);
  const auto allowed = static_cast<int64_t>(fatal - condition.restart_lsn);
  budget.limited = true;
  budget.safe_bytes = static_cast<int64_t>(fatal - written);
  budget.percent = static_cast<int>(static_cast<double>(std::max<int64_t>(used, 0)) * 100.0 /
                                    static_cast<double>(allowed));
  return budget;
}

void LagWatch::Run(int64_t now_ms, const std::string& stream) {
  if (now_ms - looked_ms_ < kIntervalMs) return;
  looked_ms_ = now_ms;
  const LagBudget budget = LagBudgetOf(slot_);
  int reached = 0;
  for (const int step : kSteps) {
    if (budget.limited && budget.percent >= step) reached = std::max(reached, step);
  }
  if (reached == warned_percent_) return;
  const ServerText of_stream(stream.empty() ? "" : " of stream \"" + stream + "\"");
  // No warning when usage falls and rises again around a step: each step is reported once.
  if (reached > warned_percent_) {
    ereport(WARNING,
            (errmsg("replication slot \"%s\"%s has used %d %% of \"max_slot_wal_keep_size\"",
                    slot_.c_str(), of_stream.c_str(), budget.percent),
             errdetail("Changes that are not published before it is used up are lost; %lld MB of "
                       "log are left.",
                       static_cast<long long>(std::max<int64_t>(budget.safe_bytes, 0) >> 20)),
             errhint("See fraiseql_nats.status() for what delays publishing, or increase "
                     "\"max_slot_wal_keep_size\" and reload.")));
  } else if (reached == 0 && warned_percent_ > 0) {
    ereport(LOG, (errmsg("replication slot \"%s\"%s is within its budget of log again",
                         slot_.c_str(), of_stream.c_str())));
  }
  if (reached > warned_percent_ || reached == 0) warned_percent_ = reached;
}

}  // namespace fraiseql::pg
