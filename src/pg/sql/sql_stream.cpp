// SPDX-License-Identifier: PostgreSQL
// The SQL functions for stream and consumers: another process makes the requests to the broker.
extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

#include "pg/base/unix_time.h"
#include "pg/base/sql_function.h"
#include "pg/call/process_call.h"
#include "pg/base/server_text.h"
#include "pg/shared/shmem.h"
#include "pg/shared/stream_subjects.h"

namespace fraiseql::pg {

namespace {

const char* TextArgument(FunctionCallInfo fcinfo, int number) {
  const char* text = OptionalText(fcinfo, number);
  return text != nullptr ? ToUtf8Anyhow(text) : nullptr;
}

const char* NumberArgument(FunctionCallInfo fcinfo, int number) {
  return PG_ARGISNULL(number) ? nullptr : psprintf("%d", PG_GETARG_INT32(number));
}

// In milliseconds.
const char* DurationArgument(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return nullptr;
  return psprintf(INT64_FORMAT, IntervalMs(PG_GETARG_INTERVAL_P(number)));
}

const OwnSettings* StreamArgument(FunctionCallInfo fcinfo, int number) {
  const StreamRow* row = FindStream(OptionalText(fcinfo, number));
  return row != nullptr ? &row->settings : nullptr;
}

void ReturnCall(FunctionCallInfo fcinfo, const char* function) {
  ReturnRows(fcinfo, CallProcess(function, nullptr, 0, StreamArgument(fcinfo, 0)));
}

void RequireName(FunctionCallInfo fcinfo) {
  if (!PG_ARGISNULL(0)) return;
  ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be null")));
}

void CreateConsumer(FunctionCallInfo fcinfo) {
  RequireName(fcinfo);
  if (!PG_ARGISNULL(6) && (PG_GETARG_INT32(6) == 0 || PG_GETARG_INT32(6) < -1)) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("max_ack_pending must be positive, or -1"),
             errdetail("It is how many messages may be delivered without an acknowledgement; -1 is "
                       "without limit.")));
  }
  const char* arguments[] = {TextArgument(fcinfo, 0),
                             TextArgument(fcinfo, 1),
                             !PG_ARGISNULL(2) && PG_GETARG_BOOL(2) ? "t" : "f",
                             TextArgument(fcinfo, 3),
                             NumberArgument(fcinfo, 4),
                             DurationArgument(fcinfo, 5),
                             NumberArgument(fcinfo, 6)};
  (void)CallProcess("create_consumer", arguments, lengthof(arguments), StreamArgument(fcinfo, 7));
}

// Also makes the worker check the stream again, so that it updates `stream_drift`.
void StreamSync(FunctionCallInfo fcinfo) {
  const StreamRow* row = FindStream(OptionalText(fcinfo, 0));
  const int32 stream = row != nullptr ? row->number : kDefaultStream;
  ReturnCall(fcinfo, "stream_sync");
  if (shared == nullptr) return;
  LWLockAcquire(shared->lock, LW_SHARED);
  WorkerEntry* entry = FindEntry({MyDatabaseId, stream});
  if (entry != nullptr) pg_atomic_fetch_add_u32(&entry->stream_touched, 1);
  LWLockRelease(shared->lock);
}

void DeleteConsumer(FunctionCallInfo fcinfo) {
  RequireName(fcinfo);
  const char* name = TextArgument(fcinfo, 0);
  (void)CallProcess("delete_consumer", &name, 1, StreamArgument(fcinfo, 1));
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_stream_info, ReturnCall(fcinfo, "stream_info"));
SQL_FUNCTION(fraiseql_nats_stream_sync, StreamSync(fcinfo));
SQL_FUNCTION(fraiseql_nats_consumers, ReturnCall(fcinfo, "consumers"));
SQL_FUNCTION(fraiseql_nats_create_consumer, CreateConsumer(fcinfo));
SQL_FUNCTION(fraiseql_nats_delete_consumer, DeleteConsumer(fcinfo));
