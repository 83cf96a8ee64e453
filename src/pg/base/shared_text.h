// SPDX-License-Identifier: PostgreSQL
#pragma once

// Texts in shared memory: in the encoding of the database that they belong to, and never cut in the
// middle of a character.  Include after postgres.h.

#include <cstddef>
#include <string>

namespace fraiseql::pg {

// Copies as much of a text in the server's encoding as fits.
void ClipText(const char* text, char* to, size_t size);
template <size_t N>
void ClipText(const char* text, char (&to)[N]) {
  ClipText(text, to, N);
}

// A text in UTF-8, converted to the server's encoding.  Outside of a transaction, in a database
// that is not in UTF-8, a ? replaces each character that is not ASCII.  Main thread only; may raise
// if out of memory.
class ServerText {
 public:
  explicit ServerText(const std::string& utf8);
  ~ServerText();
  ServerText(const ServerText&) = delete;
  ServerText& operator=(const ServerText&) = delete;

  const char* c_str() const { return text_; }

 private:
  char* const text_;
};

}  // namespace fraiseql::pg
