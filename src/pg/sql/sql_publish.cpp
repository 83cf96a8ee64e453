// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.publish(): a message as part of the caller's transaction.
#include "core/change/message.h"
#include "core/route/subject.h"

extern "C" {
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/pg_lsn.h"
}

#include "pg/base/sql_function.h"
#include "pg/base/guard.h"
#include "pg/capture/header_lines.h"
#include "pg/capture/log_writer.h"
#include "pg/shared/stream_subjects.h"
#include "pg/capture/trace_context.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

std::string_view TextArgument(FunctionCallInfo fcinfo, int number) {
  return PG_ARGISNULL(number) ? std::string_view{} : ToUtf8View(PG_GETARG_DATUM(number));
}

std::string_view Payload(FunctionCallInfo fcinfo, const char** content_type) {
  switch (get_fn_expr_argtype(fcinfo->flinfo, 1)) {
    case JSONBOID: {
      Jsonb* jsonb = PG_GETARG_JSONB_P(1);
      const char* json = JsonbToCString(nullptr, &jsonb->root, VARSIZE(jsonb));
      *content_type = "application/json";
      return ToUtf8View(json, static_cast<int>(strlen(json)));
    }
    case BYTEAOID: {
      const bytea* bytes = PG_GETARG_BYTEA_PP(1);
      *content_type = "application/octet-stream";
      return {VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
    }
    default:
      *content_type = "text/plain; charset=utf-8";
      return TextArgument(fcinfo, 1);
  }
}

void RefuseWhatCannotBePublished(FunctionCallInfo fcinfo) {
  PreventCommandDuringRecovery("fraiseql_nats.publish()");
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("subject and payload must not be null")));
  }
  RequireLogicalLog("publish");
}

// The results are in the memory context, which an error frees.
const std::string& ChooseStreamFor(FunctionCallInfo fcinfo, std::string_view subject) {
  auto* asked = NewInContext<std::string>(CurrentMemoryContext, TextArgument(fcinfo, 4));
  auto* key = NewInContext<std::string>(CurrentMemoryContext, subject);
  return *NewInContext<std::string>(CurrentMemoryContext, pg::ChooseStreamFor(*key, *asked));
}

Datum PublishArguments(FunctionCallInfo fcinfo) {
  RefuseWhatCannotBePublished(fcinfo);
  LoggedMessage message;
  message.subject = TextArgument(fcinfo, 0);
  if (Status status = CheckSubject(message.subject); !status.ok()) RaiseStatus(std::move(status));
  const char* content_type = nullptr;
  message.payload = Payload(fcinfo, &content_type);
  message.message_id = TextArgument(fcinfo, 3);
  if (!IsHeaderValue(message.message_id)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("msg_id must not contain a line break")));
  }
  StringInfoData lines;
  initStringInfo(&lines);
  const bool has_content_type =
      !PG_ARGISNULL(2) && AppendHeaderLines(PG_GETARG_JSONB_P(2), false, &lines);
  if (!has_content_type) appendStringInfo(&lines, "Content-Type: %s\r\n", content_type);
  message.headers = {lines.data, static_cast<size_t>(lines.len)};
  const std::string& stream = ChooseStreamFor(fcinfo, message.subject);
  message.stream = stream;
  WarnIfNotTaken(std::string(message.subject), stream);
  LogTraceContext();
  PG_RETURN_LSN(WriteToLog(message));
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_publish, PublishArguments(fcinfo));
