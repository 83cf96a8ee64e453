// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
}

#include "pg/base/server_text.h"
#include "pg/base/shared_text.h"

namespace fraiseql::pg {

void ClipText(const char* text, char* to, size_t size) {
  const int kept = pg_mbcliplen(text, static_cast<int>(strlen(text)), static_cast<int>(size) - 1);
  memcpy(to, text, static_cast<size_t>(kept));
  to[kept] = '\0';
}

namespace {

// A conversion reads the catalogs, which needs a transaction; status texts are also written outside
// of one.
char* ToServer(const std::string& utf8) {
  if (GetDatabaseEncoding() == PG_UTF8 || IsTransactionState()) return FromUtf8Anyhow(utf8);
  char* text = pstrdup(utf8.c_str());
  char* to = text;
  for (const char* from = text; *from != '\0'; ++from) {
    const auto byte = static_cast<unsigned char>(*from);
    if (byte < 0x80) *to++ = *from;
    if (byte >= 0xC0) *to++ = '?';  // one for each character
  }
  *to = '\0';
  return text;
}

}  // namespace

ServerText::ServerText(const std::string& utf8) : text_(ToServer(utf8)) {}

ServerText::~ServerText() { pfree(text_); }

}  // namespace fraiseql::pg
