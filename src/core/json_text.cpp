// SPDX-License-Identifier: PostgreSQL
#include "core/json_text.h"

#include <charconv>
#include <cstdio>

namespace fraiseql {

namespace {

bool NeedsEscape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

void AppendEscaped(unsigned char c, std::string* out) {
  switch (c) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\b':
      out->append("\\b");
      return;
    case '\f':
      out->append("\\f");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      out->append("\\u00");
      out->push_back("0123456789abcdef"[c >> 4]);
      out->push_back("0123456789abcdef"[c & 0xF]);
  }
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// The number in the first four characters, hexadecimal digits.
uint32_t CodeUnit(std::string_view digits) {
  uint32_t unit = 0;
  std::from_chars(digits.data(), digits.data() + 4, unit, 16);
  return unit;
}

// Appends the character of a \u escape, given what follows the u; returns how much of that belongs
// to it.  A value of type json is kept as it was written, with surrogates, even single ones.
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

// Appends the contents of a string, given what stands between its quotes.
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
  size_t clean = 0;  // start of the run that needs no escape
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!NeedsEscape(c)) continue;
    out->append(text, clean, i - clean);
    AppendEscaped(c, out);
    clean = i + 1;
  }
  out->append(text, clean, text.size() - clean);
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

void AppendIsoTime(int64_t unix_us, std::string* out) {
  constexpr int64_t kDay = 86400LL * 1000000;
  int64_t days = unix_us / kDay;
  int64_t us = unix_us % kDay;
  if (us < 0) {
    us += kDay;
    --days;
  }
  // Civil date from days, proleptic Gregorian, in 400-year eras that begin on a 1st of March.
  const int64_t z = days + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t day_of_era = z - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const int64_t seconds = us / 1000000;
  char text[48];
  const int length =
      std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                    static_cast<int>(year), static_cast<int>(month), static_cast<int>(day),
                    static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60),
                    static_cast<int>(seconds % 60), static_cast<int>(us % 1000000));
  out->append(text, static_cast<size_t>(length));
}

}  // namespace fraiseql
