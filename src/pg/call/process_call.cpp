// SPDX-License-Identifier: PostgreSQL
#include "core/base/number.h"
#include "core/base/status.h"

extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "utils/tuplestore.h"
}

#include "pg/base/compat.h"
#include "pg/base/plugin_name.h"
#include "pg/base/guard.h"
#include "pg/call/process_call.h"
#include "pg/base/server_text.h"
#include "pg/base/sql_function.h"

namespace fraiseql::pg {

namespace {

constexpr Size kMaxRequestBytes = 64 * 1024;

// Advisory locks that SQL cannot take: the SQL functions use the classes 1 and 2, and a database.
constexpr uint32 kCallLockKey = 0x46514E54;
constexpr uint16 kCallLockClass = 3;

// Limits the number of concurrent calls, because other modules need background workers as well;
// further callers wait, interruptibly.  An error releases the lock.
LOCKTAG AcquireCallLock() {
  const int turns = Max(1, max_worker_processes / 4);
  LOCKTAG tag;
  for (int i = 0; i < turns; ++i) {
    SET_LOCKTAG_ADVISORY(tag, InvalidOid, kCallLockKey, static_cast<uint32>(i), kCallLockClass);
    if (LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL) return tag;
  }
  const auto any = static_cast<uint32>(MyProcPid % turns);
  SET_LOCKTAG_ADVISORY(tag, InvalidOid, kCallLockKey, any, kCallLockClass);
  (void)LockAcquire(&tag, ExclusiveLock, false, false);
  return tag;
}

// Returns a row with function, database, process id of the session and arguments, and one with
// names and values of settings.
const std::string& MakeRequest(const char* function, const char* const* arguments, int count,
                               const OwnSettings* own_settings) {
  auto* row = NewInContext<TextRow>(CurrentMemoryContext);
  auto* request = NewInContext<std::string>(CurrentMemoryContext);
  const char* database = ToUtf8Anyhow(get_database_name(MyDatabaseId));
  row->emplace_back(function);
  row->emplace_back(database);
  row->emplace_back(std::to_string(MyProcPid));
  for (int i = 0; i < count; ++i) {
    row->push_back(arguments[i] == nullptr ? std::optional<std::string>() : arguments[i]);
  }
  AppendTextRow(*row, request);
  row->clear();
  for (size_t i = 0; own_settings != nullptr && i < own_settings->size(); ++i) {
    row->emplace_back((*own_settings)[i].first);
    row->emplace_back((*own_settings)[i].second);
  }
  AppendTextRow(*row, request);
  if (request->size() > kMaxRequestBytes) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("arguments of %s() have more than 64 kB", function)));
  }
  return *request;
}

// Registered last and so called first when the segment is detached: the queue then wakes the
// process, which finds the flag set.
void Abandon(dsm_segment* segment, Datum) {
  auto* shared_call = static_cast<CallSegment*>(dsm_segment_address(segment));
  pg_atomic_write_u32(&shared_call->abandoned, 1);
}

BackgroundWorkerHandle* StartProcess(const char* function, dsm_segment* segment) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_ConsistentState;  // on a standby as well
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  snprintf(worker.bgw_library_name, BGW_MAXLEN, "%s", kPluginName);
  snprintf(worker.bgw_function_name, BGW_MAXLEN, "fraiseql_nats_call_main");
  snprintf(worker.bgw_name, BGW_MAXLEN, "%s of %s()", kCallType, function);
  snprintf(worker.bgw_type, BGW_MAXLEN, "%s", kCallType);
  worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
  worker.bgw_notify_pid = MyProcPid;
  BackgroundWorkerHandle* handle = nullptr;
  if (!RegisterDynamicBackgroundWorker(&worker, &handle)) {
    ereport(ERROR,
            (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
             errmsg("no free background worker slot for the process that calls %s()", function),
             errdetail("A session does not connect to NATS or read files itself."),
             errhint("Try again, or increase \"max_worker_processes\" and restart the server.")));
  }
  return handle;
}

// Raises unless the first row of an answer has the code for success.
void RaiseFailure(TextRowReader* answer) {
  uint32_t fields = 0;
  StatusCode code = StatusCode::kInternal;
  const char* message = "answer of a process is damaged";
  const char* hint = "";
  if (answer->NextRow(&fields) && fields == 3) {
    int number = 0;
    if (ReadDecimal(answer->NextField().value_or(""), &number)) {
      code = static_cast<StatusCode>(number);
    }
    message = FromUtf8Anyhow(answer->NextField().value_or(""));
    hint = FromUtf8Anyhow(answer->NextField().value_or(""));
  }
  if (code != StatusCode::kOk) RaiseStatus(Status(code, message, hint));
}

}  // namespace

TextRowReader CallProcess(const char* function, const char* const* arguments, int count,
                          const OwnSettings* own_settings) {
  const std::string& request = MakeRequest(function, arguments, count, own_settings);
  const LOCKTAG lock = AcquireCallLock();
  const Size offset = CallQueueOffset(request.size());
  dsm_segment* segment = dsm_create(offset + kCallQueueBytes, 0);
  auto* shared_call = static_cast<CallSegment*>(dsm_segment_address(segment));
  pg_atomic_init_u32(&shared_call->abandoned, 0);
  shared_call->request_size = request.size();
  memcpy(shared_call->request, request.data(), request.size());
  shm_mq* queue = shm_mq_create(reinterpret_cast<char*>(shared_call) + offset, kCallQueueBytes);
  shm_mq_set_receiver(queue, MyProc);
  shm_mq_handle* answers = shm_mq_attach(queue, segment, nullptr);
  on_dsm_detach(segment, Abandon, 0);
  shm_mq_set_handle(answers, StartProcess(function, segment));

  Size size = 0;
  void* data = nullptr;
  if (shm_mq_receive(answers, &size, &data, false) != SHM_MQ_SUCCESS) {
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("the process that called %s() has ended without an answer", function),
                    errhint("It may have been terminated; otherwise the server's log says why.")));
  }
  char* copy = static_cast<char*>(palloc(size + 1));
  memcpy(copy, data, size);
  dsm_detach(segment);
  (void)LockRelease(&lock, ExclusiveLock, false);
  TextRowReader answer({copy, size});
  RaiseFailure(&answer);
  return answer;
}

void ReturnRows(FunctionCallInfo fcinfo, TextRowReader rows) {
  const ReturnSetInfo* result = BeginRows(fcinfo);
  AttInMetadata* input = TupleDescGetAttInMetadata(result->setDesc);
  const auto columns = static_cast<uint32_t>(result->setDesc->natts);
  auto** values = static_cast<char**>(palloc0(sizeof(char*) * columns));
  for (uint32_t fields = 0; rows.NextRow(&fields);) {
    CHECK_FOR_INTERRUPTS();
    if (fields != columns)
      elog(ERROR, "answer of a process has %u columns, not %u", fields, columns);
    for (uint32_t i = 0; i < columns; ++i) {
      const std::optional<std::string_view> field = rows.NextField();
      values[i] = field ? FromUtf8Anyhow(*field) : nullptr;
    }
    HeapTuple tuple = BuildTupleFromCStrings(input, values);
    tuplestore_puttuple(result->setResult, tuple);
    heap_freetuple(tuple);
  }
}

}  // namespace fraiseql::pg
