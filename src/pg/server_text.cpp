// SPDX-License-Identifier: PostgreSQL
#include "core/json_text.h"

extern "C" {
#include "postgres.h"

#include "mb/pg_wchar.h"
}

#include "pg/server_text.h"

namespace fraiseql::pg {

namespace {

// Replaces what is no UTF-8: in a SQL_ASCII database any byte may stand in a text.
const char* ReplaceInvalid(const char* text, int length, int* valid_length) {
  char* copy = static_cast<char*>(palloc(3 * static_cast<Size>(length) + 1));
  int size = 0;
  for (int i = 0; i < length;) {
    const auto* at = reinterpret_cast<const unsigned char*>(text + i);
    const int bytes = pg_utf_mblen(at);
    if (i + bytes <= length && pg_utf8_islegal(at, bytes)) {
      memcpy(copy + size, at, static_cast<size_t>(bytes));
      size += bytes;
      i += bytes;
    } else {
      memcpy(copy + size, "\xEF\xBF\xBD", 3);  // U+FFFD
      size += 3;
      i += 1;
    }
  }
  *valid_length = size;
  return copy;
}

}  // namespace

void AppendServerText(const char* text, int length, std::string* out) {
  int utf8_length = 0;
  const char* utf8 = ToUtf8(text, length, &utf8_length);
  AppendJsonString({utf8, static_cast<size_t>(utf8_length)}, out);
}

const char* ToUtf8(const char* text, int length, int* utf8_length) {
  *utf8_length = length;
  const int encoding = GetDatabaseEncoding();
  if (encoding == PG_UTF8) return text;
  if (encoding == PG_SQL_ASCII) {
    return pg_verify_mbstr(PG_UTF8, text, length, true) ? text
                                                        : ReplaceInvalid(text, length, utf8_length);
  }
  const char* converted = pg_server_to_any(text, length, PG_UTF8);
  if (converted != text) *utf8_length = static_cast<int>(strlen(converted));
  return converted;
}

}  // namespace fraiseql::pg
