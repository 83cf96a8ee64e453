// SPDX-License-Identifier: PostgreSQL
// The procedure fraiseql_nats.backfill(), which commits chunk by chunk.
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
}

#include "pg/backfill/backfill_run.h"
#include "pg/base/sql_function.h"

namespace fraiseql::pg {

namespace {

enum BackfillArgument { kRelationArgument, kFilter, kObserver, kChunkRows, kRestart, kMaxLag };

// Raises where a commit is impossible, before anything is done.
void RequireCommits(FunctionCallInfo fcinfo) {
  PreventCommandDuringRecovery("fraiseql_nats.backfill()");
  const bool is_call = fcinfo->context != nullptr && IsA(fcinfo->context, CallContext);
  const char* where = nullptr;
  if (IsTransactionBlock()) {
    where = "run inside a transaction block";
  } else if (!is_call || reinterpret_cast<CallContext*>(fcinfo->context)->atomic) {
    where = "be called by a function";
  }
  if (where == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                  errmsg("fraiseql_nats.backfill() cannot %s", where),
                  errdetail("It commits chunk by chunk.")));
}

void RequireValues(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(kRelationArgument) || PG_ARGISNULL(kRestart)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("relation and restart must not be null")));
  }
  const int rows = PG_ARGISNULL(kChunkRows) ? 0 : PG_GETARG_INT32(kChunkRows);
  if (rows < 1 || rows > 10000) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("chunk_rows must be between 1 and 10000")));
  }
  if (PG_ARGISNULL(kMaxLag) || PG_GETARG_INT64(kMaxLag) < 0) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("max_lag must not be negative or null"),
                    errdetail("It is how many bytes of the log may wait to be published.")));
  }
}

void Backfill(FunctionCallInfo fcinfo) {
  RequireValues(fcinfo);
  RequireCommits(fcinfo);
  if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT) elog(ERROR, "cannot connect to SPI");
  BackfillRequest request{};
  request.relation = PG_GETARG_OID(kRelationArgument);
  request.filter = OptionalText(fcinfo, kFilter);
  request.observer = OptionalText(fcinfo, kObserver);
  request.chunk_rows = PG_GETARG_INT32(kChunkRows);
  request.restart = PG_GETARG_BOOL(kRestart);
  request.max_lag = PG_GETARG_INT64(kMaxLag);
  RunBackfill(request);
  SPI_finish();
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_backfill, Backfill(fcinfo));
