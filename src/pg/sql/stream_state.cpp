// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <string>

extern "C" {
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
}

#include "pg/settings/gucs.h"
#include "pg/slot/log_age.h"
#include "pg/slot/unserved_streams.h"
#include "pg/sql/stream_state.h"

namespace fraiseql::pg {

namespace {

// The place in FraiseQL's files that switches publishing off, palloc'd; empty: none.
const char* DisabledBy() {
  LWLockAcquire(shared->lock, LW_SHARED);
  LauncherTexts texts = shared->launcher;
  LWLockRelease(shared->lock);
  return pstrdup(texts.disabled_by);
}

// Why no worker runs, if the server runs workers and this one has no entry.
StateWithReason StateWithoutEntry(const WorkerKey& key, bool keeps_log) {
  if (key.stream == kDefaultStream || FindEntry({key.database, kDefaultStream}) == nullptr) {
    return {"stopped", "this database is not served",
            "The extension is found within a minute; if it is not, increase "
            "\"fraiseql_nats.max_workers\" and restart the server."};
  }
  return {"stopped",
          psprintf("%s; %s keeps the log for it", WhyNoEntry(),
                   keeps_log ? "its slot" : "the slot of the default stream"),
          HintForNoEntry()};
}

}  // namespace

StateWithReason StateWithoutWorker(const WorkerKey& key, const WorkerEntry* entry,
                                   const WorkerTexts& texts, bool keeps_log) {
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
  if (!IsDatabaseWanted(get_database_name(key.database))) {
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
  if (entry == nullptr) return StateWithoutEntry(key, keeps_log);
  const bool reported = texts.reason[0] != '\0';
  return {"stopped", reported ? texts.reason : "the worker is about to start", texts.hint};
}

double LagSeconds(const WorkerKey& key, const WorkerEntry* worker, const SlotCondition& slot,
                  XLogRecPtr flushed) {
  const uint64 unacked =
      worker != nullptr ? pg_atomic_read_u64(&Progress(worker)->oldest_unacked_at) : 0;
  auto oldest = static_cast<TimestampTz>(unacked);
  if (oldest == 0 && slot.exists && slot.lost == nullptr) {
    const uint64 read = worker != nullptr ? pg_atomic_read_u64(&Progress(worker)->read_lsn) : 0;
    oldest = FirstCommitFrom(key.database, read != 0 ? read : slot.confirmed, flushed);
  }
  // The clock of another session's commit may be ahead of this one.
  return oldest == 0 ? 0.0
                     : static_cast<double>(Max(GetCurrentTimestamp() - oldest, int64{1})) / 1e6;
}

}  // namespace fraiseql::pg
