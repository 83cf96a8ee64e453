// SPDX-License-Identifier: PostgreSQL
// The C part of retry_dead_letter(): publishes a message again as it was, in the caller's
// transaction.
#include "core/route/bucket.h"

extern "C" {
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/pg_lsn.h"
}

#include "pg/base/sql_function.h"
#include "pg/settings/gucs.h"
#include "pg/settings/stream_rows.h"
#include "pg/base/guard.h"
#include "pg/capture/header_lines.h"
#include "pg/capture/log_writer.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

Datum Republish(FunctionCallInfo fcinfo) {
  RequireLogicalLog("publish");
  LoggedMessage message;
  message.kind = LoggedKind::kRetry;
  message.subject = ToUtf8View(PG_GETARG_DATUM(0));
  if (Status status = CheckMessageSubject(message.subject); !status.ok()) {
    status = Status::Invalid(
        status.message(),
        "Publish its payload on another subject with fraiseql_nats.publish(), and discard it.");
    RaiseStatus(std::move(status));
  }
  StringInfoData lines;
  initStringInfo(&lines);
  (void)AppendHeaderLines(PG_GETARG_JSONB_P(1), true, &lines);
  message.headers = {lines.data, static_cast<size_t>(lines.len)};
  const bytea* payload = PG_GETARG_BYTEA_PP(2);
  message.payload = {VARDATA_ANY(payload), VARSIZE_ANY_EXHDR(payload)};
  message.message_id = ToUtf8View(PG_GETARG_DATUM(3));
  message.stream = ToUtf8View(PG_GETARG_DATUM(5));
  if (message.stream == kDefaultStreamName) message.stream = {};
  message.attempts = static_cast<uint32_t>(PG_GETARG_INT32(4));
  PG_RETURN_LSN(WriteToLog(message));
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_republish, Republish(fcinfo));
