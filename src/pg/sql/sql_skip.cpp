// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
}

#include "pg/base/sql_function.h"
#include "pg/settings/stream_rows.h"
#include "pg/shared/shmem.h"
#include "pg/shared/stream_subjects.h"

namespace fraiseql::pg {

namespace {

// Copies the position that blocks the stream; empty: none does.  If it is `wanted`, the worker is
// told.
void AskToSkip(int32 stream, const char* wanted, WorkerTexts* texts) {
  texts->blocked_at[0] = '\0';
  if (shared == nullptr) return;
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  WorkerEntry* entry = FindEntry({MyDatabaseId, stream});
  if (entry != nullptr && entry->pid != 0) {
    strlcpy(texts->blocked_at, entry->texts.blocked_at, sizeof(texts->blocked_at));
    if (strcmp(texts->blocked_at, wanted) == 0) {
      strlcpy(entry->texts.skip, wanted, sizeof(entry->texts.skip));
      pg_atomic_fetch_add_u32(&entry->skips, 1);
      WakeWorker(entry);
    }
  }
  LWLockRelease(shared->lock);
}

void Skip(FunctionCallInfo fcinfo) {
  const char* wanted = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const StreamRow* row = FindStream(text_to_cstring(PG_GETARG_TEXT_PP(1)));
  WorkerTexts texts;
  AskToSkip(row != nullptr ? row->number : kDefaultStream, wanted, &texts);
  if (texts.blocked_at[0] == '\0') {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no message blocks the stream"),
                    errhint("See the state in fraiseql_nats.status().")));
  }
  if (strcmp(texts.blocked_at, wanted) == 0) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("the message at %s does not block the stream", wanted),
                  errdetail("The one at %s does.", texts.blocked_at)));
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_skip, Skip(fcinfo));
