// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
}

#include "pg/base/compat.h"
#include "pg/base/server_text.h"
#include "pg/base/sql_function.h"
#include "pg/call/process_call.h"
#include "pg/shared/stream_entries.h"
#include "pg/sql/stream_deletion.h"

namespace fraiseql::pg {

namespace {

constexpr long kLookMs = 20;

struct Deletion {
  int32 number;
  const char* name;  // as UTF-8
};
List* deletions = NIL;  // of the transaction, in TopTransactionContext

void EndWorker(int32 stream) {
  while (!HoldWorker({MyDatabaseId, stream})) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kLookMs,
                    PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
}

void DeleteAtCommit(FunctionCallInfo fcinfo) {
  if (shared == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("fraiseql_nats is not loaded, and cannot delete a stream"),
                    errhint("Add \"fraiseql_nats\" to \"shared_preload_libraries\" and restart "
                            "the server.")));
  }
  const MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
  auto* deletion = static_cast<Deletion*>(palloc(sizeof(Deletion)));
  deletion->number = PG_GETARG_INT32(0);
  deletion->name = ToUtf8Anyhow(text_to_cstring(PG_GETARG_TEXT_PP(1)));
  deletions = lappend(deletions, deletion);
  MemoryContextSwitchTo(old);
}

}  // namespace

void DeleteDroppedStreams(const std::vector<StreamRow>& rows) {
  ListCell* cell;
  foreach (cell, deletions) {
    const auto* deletion = static_cast<const Deletion*>(lfirst(cell));
    const bool stays = std::any_of(rows.begin(), rows.end(), [=](const StreamRow& row) {
      return row.number == deletion->number;
    });
    if (stays) continue;  // a savepoint was rolled back
    EndWorker(deletion->number);
    (void)CallProcess("delete_stream", &deletion->name, 1);
  }
  deletions = NIL;
}

void ForgetStreamDeletions() { deletions = NIL; }

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_delete_stream_at_commit, DeleteAtCommit(fcinfo));
