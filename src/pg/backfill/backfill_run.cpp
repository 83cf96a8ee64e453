// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

#include "pg/backfill/backfill.h"
#include "pg/backfill/backfill_check.h"
#include "pg/backfill/backfill_lock.h"
#include "pg/backfill/backfill_progress.h"
#include "pg/backfill/backfill_run.h"
#include "pg/base/commit_visibility.h"
#include "pg/base/compat.h"
#include "pg/base/decodable_lsn.h"
#include "pg/slot/slot.h"

namespace fraiseql::pg {

namespace {

constexpr long kPauseMs = 100;

// The result of a step.
enum class Step { kDone, kWaitsForLog, kWaitsForRows, kFinished };

struct Run {
  const BackfillRequest* request;
  int64 busy_id;  // the last busy row that was tried
  bool reported_lag;
  bool reported_rows;
};

bool IsSameText(const char* a, const char* b) {
  return a == nullptr || b == nullptr ? a == b : strcmp(a, b) == 0;
}

const char* LiteralOrNull(const char* text) {
  return text != nullptr ? quote_literal_cstr(text) : "null";
}

[[noreturn]] void RefuseOther(const char* table, const BackfillProgress& progress) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("unfinished backfill of table \"%s\" has other arguments", table),
                  errdetail("Its filter is %s, its observer %s, its key columns are %s.",
                            LiteralOrNull(progress.filter), LiteralOrNull(progress.observer),
                            progress.key_columns),
                  errhint("Use the same filter and observer to continue it, or restart => true to "
                          "start again.")));
  pg_unreachable();
}

// Creates the row of progress, or finds the one to continue.  False: nothing is left to do.
bool Begin(const BackfillRequest& request) {
  XLogRecPtr confirmed = InvalidXLogRecPtr;
  const char* key_columns = RequireBackfill(request.relation, request.observer, &confirmed);
  const char* table = get_rel_name(request.relation);
  const BackfillProgress progress = ReadProgress(request.relation);
  const bool is_same = progress.exists && IsSameText(progress.filter, request.filter) &&
                       IsSameText(progress.observer, request.observer) &&
                       IsSameText(progress.key_columns, key_columns);
  if (request.restart || (!is_same && (!progress.exists || progress.finished_at != 0))) {
    BeginProgress(request.relation, request.filter, request.observer, key_columns);
    return true;
  }
  if (!is_same) RefuseOther(table, progress);
  if (progress.finished_at != 0) {
    ereport(NOTICE, (errmsg("backfill of table \"%s\" was finished at %s", table,
                            timestamptz_to_str(progress.finished_at)),
                     errhint("Use restart => true to run it again.")));
    return false;
  }
  if (!progress.is_lost) {
    ereport(NOTICE, (errmsg("backfill of table \"%s\" continues after %lld rows", table,
                            static_cast<long long>(progress.rows_published))));
  }
  return true;
}

// Whether more of the log waits to be published than the caller allows.
bool LagIsTooLarge(const BackfillRequest& request, XLogRecPtr confirmed) {
  const XLogRecPtr flushed = DecodableLsn();
  return confirmed != InvalidXLogRecPtr && flushed > confirmed &&
         flushed - confirmed > static_cast<uint64>(request.max_lag);
}

int CountOf(ArrayType* keys) {
  return keys != nullptr ? ArrayGetNItems(ARR_NDIM(keys), ARR_DIMS(keys)) : 0;
}

// Publishes the next rows: those after the last key, or, at the end of the table, those that were
// busy.
Step TakeStep(Run* run) {
  const BackfillRequest& request = *run->request;
  XLogRecPtr confirmed = InvalidXLogRecPtr;
  (void)RequireBackfill(request.relation, request.observer, &confirmed);
  if (LagIsTooLarge(request, confirmed)) return Step::kWaitsForLog;
  const BackfillProgress progress = ReadProgress(request.relation);
  if (progress.is_lost) {
    ereport(NOTICE, (errmsg("backfill of table \"%s\" restarts", get_rel_name(request.relation)),
                     errdetail("Rows that it wrote may be in a gap; see fraiseql_nats.gap.")));
    ForgetLoss(request.relation);
  }
  RowsToPublish rows{};
  rows.relation = request.relation;
  rows.observer = request.observer;
  rows.filter = request.filter;
  rows.limit = request.chunk_rows;
  rows.behind = progress.last_key;
  if (progress.read_through) {
    const BusyRows busy = NextBusyRows(request.relation, run->busy_id, request.chunk_rows);
    if (busy.keys == nullptr) {
      return FinishProgress(request.relation) ? Step::kFinished : Step::kDone;
    }
    rows.keys = busy.keys;
    run->busy_id = busy.last_id;
  }
  const RowsPublished done = PublishRows(rows);
  if (rows.keys != nullptr && done.busy != nullptr && done.busy->nelems == CountOf(rows.keys)) {
    return Step::kWaitsForRows;
  }
  KeepProgress(request.relation, rows.keys, done);
  return Step::kDone;
}

// Starts a new transaction that sees what others have committed, whatever the session's default
// isolation level is.
void Commit() {
  SPI_commit();
  (void)set_config_option("transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_LOCAL, true, 0, false);
}

void ReportOnce(Step step, Run* run) {
  const char* table = get_rel_name(run->request->relation);
  if (step == Step::kWaitsForLog && !run->reported_lag) {
    run->reported_lag = true;
    ereport(NOTICE, (errmsg("backfill of table \"%s\" waits: more than %lld bytes of the log are "
                            "not published yet",
                            table, static_cast<long long>(run->request->max_lag)),
                     errhint("See fraiseql_nats.status() for what delays publishing.")));
  } else if (step == Step::kWaitsForRows && !run->reported_rows) {
    run->reported_rows = true;
    ereport(NOTICE,
            (errmsg("backfill of table \"%s\" waits for rows that others are changing", table),
             errhint("All other rows are published.")));
  }
}

void Pause() {
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kPauseMs,
                  PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
}

void TakeSteps(Run* run, MemoryContext step_context) {
  for (Step step = Step::kDone; step != Step::kFinished;) {
    EnsurePortalSnapshotExists();
    MemoryContextReset(step_context);
    const MemoryContext old = MemoryContextSwitchTo(step_context);
    step = TakeStep(run);
    MemoryContextSwitchTo(old);
    Commit();
    if (step == Step::kWaitsForLog || step == Step::kWaitsForRows) {
      ReportOnce(step, run);
      Pause();
    }
    CHECK_FOR_INTERRUPTS();
  }
}

}  // namespace

void RunBackfill(const BackfillRequest& request) {
  if (Begin(request)) {
    AwaitLoggedCommits();
    MemoryContext step_context = AllocSetContextCreate(
        CurrentMemoryContext, "fraiseql_nats backfill", ALLOCSET_DEFAULT_SIZES);
    Run run{&request, 0, false, false};
    TakeSteps(&run, step_context);
  }
  ReleaseBackfillLock();
}

}  // namespace fraiseql::pg
