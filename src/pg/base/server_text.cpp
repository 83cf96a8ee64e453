// SPDX-License-Identifier: PostgreSQL
#include "core/base/json_text.h"

extern "C" {
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
}

#include "pg/base/compat.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD
constexpr int kReplacementSize = sizeof(kReplacement) - 1;

// Reads the bytes at `text` as one value.
template <typename Word>
Word Load(const char* text) {
  Word word;
  memcpy(&word, text, sizeof(word));
  return word;
}

// Most text is ASCII, and the server's own check takes several times as long.  The last word may
// overlap the one before it.
bool IsAscii(const char* text, size_t length) {
  typedef uint64_t Block __attribute__((vector_size(16)));
  constexpr uint64_t kHighBits = UINT64_C(0x8080808080808080);
  const char* const end = text + length;
  uint64_t bits = 0;
  if (length >= sizeof(Block)) {
    Block seen = Load<Block>(end - sizeof(Block));
    for (; end - text > static_cast<ptrdiff_t>(sizeof(Block)); text += sizeof(Block)) {
      seen |= Load<Block>(text);
    }
    bits = seen[0] | seen[1];
  } else if (length >= sizeof(uint64_t)) {
    bits = Load<uint64_t>(text) | Load<uint64_t>(end - sizeof(uint64_t));
  } else if (length >= sizeof(uint32_t)) {
    bits = Load<uint32_t>(text) | Load<uint32_t>(end - sizeof(uint32_t));
  } else {
    for (; text < end; ++text) bits |= static_cast<unsigned char>(*text);
  }
  return (bits & kHighBits) == 0;
}

// Even a UTF-8 database may hold invalid text: it does not check the result of a binary-coercible
// cast, nor, before the releases of 2026, a "char", which may hold half of a character.
bool IsUtf8(const char* text, int length) {
  return IsAscii(text, static_cast<size_t>(length)) || pg_verify_mbstr(PG_UTF8, text, length, true);
}

// Replaces invalid UTF-8: in a SQL_ASCII database a text may hold any bytes.
const char* ReplaceInvalid(const char* text, int length, int* valid_length) {
  char* copy = static_cast<char*>(palloc(kReplacementSize * static_cast<Size>(length) + 1));
  int size = 0;
  for (int i = 0; i < length;) {
    const auto* at = reinterpret_cast<const unsigned char*>(text + i);
    const int bytes = pg_utf_mblen(at);
    if (i + bytes <= length && pg_utf8_islegal(at, bytes)) {
      memcpy(copy + size, at, static_cast<size_t>(bytes));
      size += bytes;
      i += bytes;
    } else {
      memcpy(copy + size, kReplacement, kReplacementSize);
      size += kReplacementSize;
      i += 1;
    }
  }
  copy[size] = '\0';
  *valid_length = size;
  return copy;
}

// Converts from the server's encoding, which is not UTF-8, and replaces characters without an
// equivalent.
const char* ConvertOrReplace(const char* text, int length) {
  const int encoding = GetDatabaseEncoding();
  const Oid conversion = FindDefaultConversionProc(encoding, PG_UTF8);
  auto* source = reinterpret_cast<unsigned char*>(pnstrdup(text, static_cast<Size>(length)));
  const int room = length * MAX_CONVERSION_GROWTH + 1;
  auto* out = static_cast<unsigned char*>(palloc(static_cast<Size>(room)));
  int size = 0;
  for (int i = 0; i < length;) {
    if (OidIsValid(conversion)) {
      i += pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8, source + i, length - i,
                                         out + size, room - size, true);
      size += static_cast<int>(strlen(reinterpret_cast<char*>(out + size)));
    }
    if (i >= length) break;
    memcpy(out + size, kReplacement, kReplacementSize);
    size += kReplacementSize;
    i += Max(1, pg_encoding_verifymbchar(encoding, text + i, length - i));
  }
  out[size] = '\0';
  return reinterpret_cast<char*>(out);
}

// Percent-encodes everything except ASCII.
char* AsAscii(std::string_view text) {
  char* out = static_cast<char*>(palloc(text.size() * 3 + 1));
  char* end = out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);  // a plain char has no sign on some machines
    if (byte > 0 && byte < 0x80) {
      *end++ = c;
    } else {
      end += sprintf(end, "%%%02X", byte);
    }
  }
  *end = '\0';
  return out;
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
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII) {
    if (IsUtf8(text, length)) return text;
    if (encoding == PG_UTF8) (void)pg_verify_mbstr(PG_UTF8, text, length, false);  // raises
    return ReplaceInvalid(text, length, utf8_length);
  }
  const char* converted = pg_server_to_any(text, length, PG_UTF8);
  if (converted != text) *utf8_length = static_cast<int>(strlen(converted));
  return converted;
}

const char* ToUtf8Anyhow(const char* text) {
  const int length = static_cast<int>(strlen(text));
  const int encoding = GetDatabaseEncoding();
  if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII) return ConvertOrReplace(text, length);
  int utf8_length = 0;
  return IsUtf8(text, length) ? text : ReplaceInvalid(text, length, &utf8_length);
}

std::string_view ToUtf8View(Datum value) {
  const text* detoasted = DatumGetTextPP(value);
  return ToUtf8View(VARDATA_ANY(detoasted), static_cast<int>(VARSIZE_ANY_EXHDR(detoasted)));
}

char* FromUtf8(std::string_view text) {
  return pg_any_to_server(pnstrdup(text.data(), text.size()), static_cast<int>(text.size()),
                          PG_UTF8);
}

char* FromUtf8Anyhow(std::string_view text) {
  const int length = static_cast<int>(text.size());
  const int encoding = GetDatabaseEncoding();
  if (!pg_verify_mbstr(PG_UTF8, text.data(), length, true)) return AsAscii(text);
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII) return pnstrdup(text.data(), text.size());
  const Oid conversion = FindDefaultConversionProc(PG_UTF8, encoding);
  if (!OidIsValid(conversion)) return AsAscii(text);
  const Size room = text.size() * MAX_CONVERSION_GROWTH + 1;
  auto* out = static_cast<unsigned char*>(MemoryContextAllocHuge(CurrentMemoryContext, room));
  auto* source = reinterpret_cast<unsigned char*>(pnstrdup(text.data(), text.size()));
  const int converted =
      pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, source, length, out,
                                    static_cast<int>(Min(room, Size{INT_MAX})), true);
  return converted == length ? reinterpret_cast<char*>(out) : AsAscii(text);
}

}  // namespace fraiseql::pg
