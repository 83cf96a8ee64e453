// SPDX-License-Identifier: PostgreSQL
#include "core/change/message.h"

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
}

#include "pg/capture/header_lines.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

// The headers that AddIdentity() sets again.
bool IsIdentity(std::string_view name) {
  return name == "Nats-Msg-Id" || name == "Fraiseql-Id" || name == "Fraiseql-Batch" ||
         name == "Fraiseql-Position" || name == "Fraiseql-Origin";
}

bool BeginsWith(std::string_view name, const char* prefix) {
  const size_t size = strlen(prefix);
  return name.size() >= size && pg_strncasecmp(name.data(), prefix, size) == 0;
}

void RefuseReserved(std::string_view name) {
  if (!IsReservedHeader(name)) return;
  ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME),
                  errmsg("header \"%s\" is reserved", pnstrdup(name.data(), name.size())),
                  errhint("Headers beginning with \"Nats-\" or \"Fraiseql-\", \"Status\" and "
                          "\"Description\" are set by fraiseql_nats or the server; use msg_id for "
                          "a message id of your own.")));
}

void AddHeaderLine(StringInfo lines, std::string_view name, std::string_view value) {
  if (!IsHeaderName(name) || !IsHeaderValue(value)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid header \"%s\"", pnstrdup(name.data(), name.size())),
                    errdetail("A name is printable ASCII without blanks and colons; a value has no "
                              "line break.")));
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

}  // namespace

bool AppendHeaderLines(Jsonb* headers, bool as_sent, StringInfo lines) {
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
      has_content_type = has_content_type || (name.size() == strlen("Content-Type") &&
                                              BeginsWith(name, "Content-Type"));
    } else if (token == WJB_VALUE || token == WJB_ELEM) {
      int length = 0;
      const char* text = ScalarText(value, &length);
      if (as_sent && IsIdentity(name)) continue;
      if (!as_sent) RefuseReserved(name);
      AddHeaderLine(lines, name, ToUtf8View(text, length));
    } else if (token == WJB_BEGIN_OBJECT && !name.empty()) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("header values must be strings, numbers or booleans")));
    }
  }
  return has_content_type;
}

}  // namespace fraiseql::pg
