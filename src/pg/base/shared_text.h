// SPDX-License-Identifier: PostgreSQL
#pragma once

// Texts in shared memory: in the encoding of the database that they are about, and never cut in the
// middle of a character.  Include after postgres.h.

#include <cstddef>
#include <string>

namespace fraiseql::pg {

// Copies text in the server's encoding, as much as fits.
void ClipText(const char* text, char* to, size_t size);
template <size_t N>
void ClipText(const char* text, char (&to)[N]) {
  ClipText(text, to, N);
}

// Text of ours, UTF-8, in the server's encoding; outside of a transaction that is possible only in
// a database in UTF-8, and ? stands for what is no ASCII in another one.  Main thread only; may
// raise for want of memory.
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
