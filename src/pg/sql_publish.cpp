// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.publish(): a message as part of the caller's transaction.
#include "core/message.h"
#include "core/subject.h"

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

#include "pg/guard.h"
#include "pg/log_writer.h"
#include "pg/trace_context.h"
#include "pg/server_text.h"

namespace fraiseql::pg {

namespace {

std::string_view TextArgument(FunctionCallInfo fcinfo, int number) {
  if (PG_ARGISNULL(number)) return {};
  const text* value = PG_GETARG_TEXT_PP(number);
  return ToUtf8View(VARDATA_ANY(value), static_cast<int>(VARSIZE_ANY_EXHDR(value)));
}

void AddHeaderLine(StringInfo lines, std::string_view name, std::string_view value) {
  const auto is_reserved = [=](const char* prefix) {
    const size_t size = strlen(prefix);
    return name.size() >= size && pg_strncasecmp(name.data(), prefix, size) == 0;
  };
  if (!IsHeaderName(name) || !IsHeaderValue(value)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid header \"%s\"", pnstrdup(name.data(), name.size())),
                    errdetail("A name is printable ASCII without blank and colon; a value has no "
                              "line break.")));
  }
  if (is_reserved("Nats-") || is_reserved("Fraiseql-")) {
    ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME),
                    errmsg("header \"%s\" is reserved", pnstrdup(name.data(), name.size())),
                    errhint("Headers beginning with \"Nats-\" or \"Fraiseql-\" are set by "
                            "fraiseql_nats; use msg_id for a message id of your own.")));
  }
  appendBinaryStringInfo(lines, name.data(), static_cast<int>(name.size()));
  appendStringInfoString(lines, ": ");
  appendBinaryStringInfo(lines, value.data(), static_cast<int>(value.size()));
  appendStringInfoString(lines, "\r\n");
}

const char* ScalarText(const JsonbValue& value, int* length) {
  switch (value.type) {
    case jbvString:
      *length = value.val.string.len;
      return value.val.string.val;
    case jbvNumeric: {
      const char* text =
          DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
      *length = static_cast<int>(strlen(text));
      return text;
    }
    case jbvBool:
      *length = value.val.boolean ? 4 : 5;
      return value.val.boolean ? "true" : "false";
    default:
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("header values must be strings, numbers or booleans"),
                      errhint("Give a header several values as an array of strings.")));
  }
  return nullptr;
}

// {"name": "value", "other": ["one", "two"]} as header lines.  True if Content-Type is among them.
bool AddHeaders(Jsonb* headers, StringInfo lines) {
  if (!JB_ROOT_IS_OBJECT(headers)) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("headers must be a JSON object")));
  }
  bool has_content_type = false;
  JsonbIterator* iterator = JsonbIteratorInit(&headers->root);
  JsonbValue value;
  std::string_view name;
  JsonbIteratorToken token;
  while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE) {
    if (token == WJB_KEY) {
      name = ToUtf8View(value.val.string.val, value.val.string.len);
      has_content_type =
          has_content_type || (name.size() == strlen("Content-Type") &&
                               pg_strncasecmp(name.data(), "Content-Type", name.size()) == 0);
    } else if (token == WJB_VALUE || token == WJB_ELEM) {
      int length = 0;
      const char* text = ScalarText(value, &length);
      AddHeaderLine(lines, name, ToUtf8View(text, length));
    } else if (token == WJB_BEGIN_OBJECT && !name.empty()) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("header values must be strings, numbers or booleans")));
    }
  }
  return has_content_type;
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
  const bool has_content_type = !PG_ARGISNULL(2) && AddHeaders(PG_GETARG_JSONB_P(2), &lines);
  if (!has_content_type) appendStringInfo(&lines, "Content-Type: %s\r\n", content_type);
  message.headers = {lines.data, static_cast<size_t>(lines.len)};
  LogTraceContext();
  PG_RETURN_LSN(WriteToLog(message));
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PG_FUNCTION_INFO_V1(fraiseql_nats_publish);

Datum fraiseql_nats_publish(PG_FUNCTION_ARGS) {
  return fraiseql::pg::Guard([=] { return fraiseql::pg::PublishArguments(fcinfo); });
}
}
