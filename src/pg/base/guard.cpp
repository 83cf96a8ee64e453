// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"
}

#include "pg/base/guard.h"

namespace fraiseql::pg {

void RaiseInternal(const char* message) {
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("fraiseql_nats: %s", message)));
  pg_unreachable();
}

void RaiseOutOfMemory() {
  ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  pg_unreachable();
}

namespace {

// Lets a caller distinguish errors that are worth a retry.
int SqlState(StatusCode code) {
  if (code == StatusCode::kInternal) return ERRCODE_INTERNAL_ERROR;
  if (code == StatusCode::kUnavailable) return ERRCODE_CONNECTION_FAILURE;
  return ERRCODE_INVALID_PARAMETER_VALUE;
}

}  // namespace

void RaiseStatus(Status&& status) {
  const char* message = pstrdup(status.message().c_str());
  const char* hint = status.hint().empty() ? nullptr : pstrdup(status.hint().c_str());
  const int code = SqlState(status.code());
  { const Status destroyed = std::move(status); }
  ereport(ERROR, (errcode(code), errmsg("%s", message), hint != nullptr ? errhint("%s", hint) : 0));
  pg_unreachable();
}

}  // namespace fraiseql::pg
