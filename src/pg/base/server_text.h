// SPDX-License-Identifier: PostgreSQL
#pragma once

// Conversion between text in the encoding of the database and the UTF-8 of messages.  Everything
// here may raise.  Include after postgres.h.

#include <cstring>
#include <string>
#include <string_view>

namespace fraiseql::pg {

// Appends text in the server's encoding as a JSON string.
void AppendServerText(const char* text, int length, std::string* out);

// Text in the server's encoding as UTF-8, palloc'd if it had to be converted.  Raises if it cannot
// be converted, and in a UTF-8 database if it is invalid.  In a SQL_ASCII database U+FFFD replaces
// invalid bytes.
const char* ToUtf8(const char* text, int length, int* utf8_length);

// The same, null-terminated, but never fails because of the text: U+FFFD replaces each character
// without an equivalent, and invalid bytes.
const char* ToUtf8Anyhow(const char* text);

// UTF-8 as text in the server's encoding, palloc'd and null-terminated.  Raises if it cannot be
// converted.
char* FromUtf8(std::string_view text);

// The same, but never fails because of the text: if it is invalid or cannot be converted, its bytes
// other than ASCII are percent-encoded.
char* FromUtf8Anyhow(std::string_view text);

inline std::string_view ToUtf8View(const char* text, int length) {
  int utf8_length = 0;
  const char* utf8 = ToUtf8(text, length, &utf8_length);
  return {utf8, static_cast<size_t>(utf8_length)};
}
inline std::string_view ToUtf8View(const char* text) {
  return ToUtf8View(text, static_cast<int>(strlen(text)));
}
// The same for a value of type text.
std::string_view ToUtf8View(Datum value);

}  // namespace fraiseql::pg
