// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "utils/builtins.h"
}

#include "pg/base/jsonb_text.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

void AppendScalar(const JsonbValue& value, std::string* out) {
  switch (value.type) {
    case jbvNull:
      out->append("null");
      return;
    case jbvString:
      AppendServerText(value.val.string.val, value.val.string.len, out);
      return;
    case jbvNumeric:
      out->append(
          DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric))));
      return;
    case jbvBool:
      out->append(value.val.boolean ? "true" : "false");
      return;
    default:
      elog(ERROR, "unknown type of a jsonb scalar: %d", static_cast<int>(value.type));
  }
}

}  // namespace

void AppendJsonb(JsonbContainer* container, std::string* out) {
  JsonbIterator* iterator = JsonbIteratorInit(container);
  JsonbValue value;
  bool is_raw_scalar = false;  // a scalar is wrapped in an array, which is not shown
  bool separate = false;       // another item precedes on the same level
  JsonbIteratorToken token;
  while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE) {
    const bool ends = token == WJB_END_ARRAY || token == WJB_END_OBJECT;
    if (separate && !ends) out->append(", ");
    separate = true;
    switch (token) {
      case WJB_BEGIN_ARRAY:
        is_raw_scalar = value.val.array.rawScalar;
        if (!is_raw_scalar) out->push_back('[');
        separate = false;
        break;
      case WJB_BEGIN_OBJECT:
        out->push_back('{');
        separate = false;
        break;
      case WJB_KEY:
        AppendScalar(value, out);
        out->append(": ");
        separate = false;
        break;
      case WJB_END_ARRAY:
        if (!is_raw_scalar) out->push_back(']');
        break;
      case WJB_END_OBJECT:
        out->push_back('}');
        break;
      default:
        AppendScalar(value, out);
    }
  }
}

}  // namespace fraiseql::pg
