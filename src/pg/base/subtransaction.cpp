// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
}

#include "pg/base/guard.h"
#include "pg/base/server_text.h"
#include "pg/base/subtransaction.h"

namespace fraiseql::pg {

namespace {

// Errors of these classes may not recur at the next attempt.
bool IsOfServer(int sqlstate) {
  for (const int code : {ERRCODE_CONNECTION_EXCEPTION, ERRCODE_TRANSACTION_ROLLBACK,
                         ERRCODE_INSUFFICIENT_RESOURCES, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         ERRCODE_OPERATOR_INTERVENTION, ERRCODE_SYSTEM_ERROR}) {
    if (ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_TO_CATEGORY(code)) return true;
  }
  return false;
}

bool IsTolerated(int sqlstate, Tolerance tolerance) {
  if (tolerance == Tolerance::kOwnFault) return !IsOfServer(sqlstate);
  return ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION);
}

const char* Describe(const ErrorData& error) {
  const char* message = error.message != nullptr ? error.message : "unknown error";
  return psprintf("%s (SQLSTATE %s)", ToUtf8Anyhow(message), unpack_sql_state(error.sqlerrcode));
}

}  // namespace

const ErrorData* CatchInSubtransaction(void (*body)(void* argument), void* argument,
                                       Tolerance tolerance) {
  const MemoryContext context = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  ErrorData* volatile error = nullptr;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(context);
  PG_TRY();
  {
    Guard([=] { body(argument); });
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
  if (error == nullptr) return nullptr;
  if (!IsTolerated(error->sqlerrcode, tolerance)) ReThrowError(error);
  return error;
}

const char* TryInSubtransaction(void (*body)(void* argument), void* argument, Tolerance tolerance) {
  const ErrorData* error = CatchInSubtransaction(body, argument, tolerance);
  return error == nullptr ? nullptr : Describe(*error);
}

}  // namespace fraiseql::pg
