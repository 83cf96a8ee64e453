// SPDX-License-Identifier: PostgreSQL
#pragma once

// Text in the encoding of the database, as the UTF-8 that messages are made of.  All of it may
// raise.  Include after postgres.h.

#include <cstring>
#include <string>
#include <string_view>

namespace fraiseql::pg {

// Appends text in the server's encoding as a JSON string.
void AppendServerText(const char* text, int length, std::string* out);

// Text in the server's encoding as UTF-8, palloc'd if it had to be converted.  Raises where that
// cannot be had, which in a database of UTF-8 is so of text that is none.
const char* ToUtf8(const char* text, int length, int* utf8_length);

// The same, null-terminated, for what is to be had whatever is in it: U+FFFD stands for each
// character that has no equivalent.  In a SQL_ASCII database that is so for all text.
const char* ToUtf8Anyhow(const char* text);

// UTF-8 as text in the server's encoding, palloc'd and null-terminated.  Raises where that cannot
// be had.
char* FromUtf8(std::string_view text);

// UTF-8, or what should be, as text in the server's encoding, palloc'd and null-terminated.  One
// that cannot be had so is percent-encoded where it is no ASCII; a fault in it is no error.
char* FromUtf8Anyhow(std::string_view text);

inline std::string_view ToUtf8View(const char* text, int length) {
  int utf8_length = 0;
  const char* utf8 = ToUtf8(text, length, &utf8_length);
  return {utf8, static_cast<size_t>(utf8_length)};
}
inline std::string_view ToUtf8View(const char* text) {
  return ToUtf8View(text, static_cast<int>(strlen(text)));
}
// Of a value of type text.
std::string_view ToUtf8View(Datum value);

}  // namespace fraiseql::pg
