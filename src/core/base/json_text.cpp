// SPDX-License-Identifier: PostgreSQL
#include "core/base/json_text.h"

#include <charconv>
#include <cstdint>
#include <cstring>

#include "core/base/utf8.h"

namespace fraiseql {

namespace {

bool NeedsEscape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

// Tests sixteen bytes at a time: the compiler has an instruction for each line, on x86 and on ARM.
constexpr size_t kBlock = 16;
bool AnyNeedsEscape(const char* block) {
  typedef unsigned char Bytes __attribute__((vector_size(kBlock)));
  typedef uint64_t Halves __attribute__((vector_size(kBlock)));
  Bytes bytes;
  std::memcpy(&bytes, block, kBlock);
  const auto found = reinterpret_cast<Halves>((bytes < 0x20) | (bytes == '"') | (bytes == '\\'));
  return (found[0] | found[1]) != 0;
}

// The length of the prefix of `text` that needs no escape in a JSON string.
size_t CleanPrefix(std::string_view text) {
  size_t i = 0;
  for (; i + kBlock <= text.size(); i += kBlock) {
    if (AnyNeedsEscape(text.data() + i)) break;
  }
  // Tests the rest together with bytes that are known to be clean.
  if (i + kBlock > text.size() && i > 0 && !AnyNeedsEscape(text.data() + text.size() - kBlock)) {
    return text.size();
  }
  while (i < text.size() && !NeedsEscape(static_cast<unsigned char>(text[i]))) ++i;
  return i;
}

void AppendEscaped(unsigned char c, std::string* out) {
  // The letters of the short escapes, from \b to \r; a quote and a backslash stand for themselves.
  constexpr char kLetters[] = {'b', 't', 'n', 0, 'f', 'r'};
  const char letter = c >= 0x20                ? static_cast<char>(c)
                      : c >= '\b' && c <= '\r' ? kLetters[c - '\b']
                                               : '\0';
  if (letter != '\0') {
    const char escape[] = {'\\', letter};
    out->append(escape, sizeof(escape));
  } else {
    const char escape[] = {
        '\\', 'u', '0', '0', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 0xF]};
    out->append(escape, sizeof(escape));
  }
}

// The number in the first four characters, hexadecimal digits.
uint32_t CodeUnit(std::string_view digits) {
  uint32_t unit = 0;
  std::from_chars(digits.data(), digits.data() + 4, unit, 16);
  return unit;
}

// Appends the character of a \u escape, given the text after the u; returns how much of that
// belongs to it.  A value of type json is stored as it was written, also with unpaired surrogates.
size_t AppendEscapedCode(std::string_view rest, std::string* out) {
  const uint32_t unit = CodeUnit(rest);
  if (unit < 0xD800 || unit > 0xDFFF) {
    AppendUtf8(unit, out);
    return 4;
  }
  if (unit < 0xDC00 && rest.size() >= 10 && rest.substr(4, 2) == "\\u") {
    const uint32_t low = CodeUnit(rest.substr(6));
    if (low >= 0xDC00 && low <= 0xDFFF) {
      AppendUtf8(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), out);
      return 10;
    }
  }
  AppendUtf8(0xFFFD, out);
  return 4;
}

// Appends the contents of a string, given the text between its quotes.
void AppendUnescaped(std::string_view body, std::string* out) {
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\' || i + 1 == body.size()) {
      out->push_back(body[i]);
      continue;
    }
    const char c = body[++i];
    const std::string_view from = "bfnrt", to = "\b\f\n\r\t";
    if (const size_t at = from.find(c); at != std::string_view::npos) {
      out->push_back(to[at]);
    } else if (c == 'u' && i + 4 < body.size()) {
      i += AppendEscapedCode(body.substr(i + 1), out);
    } else {
      out->push_back(c);
    }
  }
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  while (true) {
    const size_t clean = CleanPrefix(text);
    out->append(text.data(), clean);
    if (clean == text.size()) break;
    AppendEscaped(static_cast<unsigned char>(text[clean]), out);
    text.remove_prefix(clean + 1);
  }
  out->push_back('"');
}

void AppendJsonValueAsText(std::string_view json, std::string* out) {
  if (json == "null") return;
  if (json.size() >= 2 && json.front() == '"') {
    AppendUnescaped(json.substr(1, json.size() - 2), out);
  } else {
    out->append(json);
  }
}

}  // namespace fraiseql
