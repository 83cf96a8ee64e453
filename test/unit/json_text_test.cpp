// SPDX-License-Identifier: PostgreSQL
#include "core/json_text.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <limits>

#include "dice.h"

namespace fraiseql {
namespace {

using namespace std::string_view_literals;

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

std::string ValueAsText(std::string_view json) {
  std::string out;
  AppendJsonValueAsText(json, &out);
  return out;
}

std::string IsoTime(int64_t unix_us) {
  std::string out;
  AppendIsoTime(unix_us, &out);
  return out;
}

TEST(JsonString, EscapesWhatMustBeEscaped) {
  const struct {
    std::string_view text, json;
  } kCases[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"\"", R"("\"")"},
      {"\\", R"("\\")"},
      {"\\n", R"("\\n")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {"line\nline", R"("line\nline")"},
      {"\0"sv, R"("\u0000")"},
      {"a/b", R"("a/b")"},
      {"'<>&", R"("'<>&")"},
  };
  for (const auto& c : kCases) EXPECT_EQ(JsonString(c.text), c.json);
}

TEST(JsonString, EscapesEveryControlCharacterAndNoOther) {
  const std::string_view short_ones = "\b\f\n\r\t";
  for (int c = 0; c < 128; ++c) {
    const std::string text(1, static_cast<char>(c));
    std::string body = text;
    if (const size_t at = short_ones.find(text); at != std::string_view::npos) {
      body = std::string("\\") + "bfnrt"[at];
    } else if (c < 0x20) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\u%04x", static_cast<unsigned>(c));
      body = code;
    } else if (c == '"' || c == '\\') {
      body = "\\" + text;
    }
    EXPECT_EQ(JsonString(text), '"' + body + '"') << c;
    EXPECT_EQ(JsonString("a" + text + "b"), "\"a" + body + "b\"") << c;
  }
}

TEST(JsonString, LeavesUtf8Untouched) {
  for (const std::string text : {"é", "€", "日本語", "🍓", "a\u2028b", "\u007F", "\u0080"}) {
    EXPECT_EQ(JsonString(text), '"' + text + '"');
  }
}

TEST(JsonString, AppendsToWhatIsThere) {
  std::string out = "{";
  AppendJsonString("a", &out);
  EXPECT_EQ(out, "{\"a\"");
}

TEST(JsonValueAsText, GivesWhatTheValueStandsFor) {
  const struct {
    std::string_view json, text;
  } kCases[] = {
      {"null", ""},
      {"\"null\"", "null"},
      {"\"\"", ""},
      {"12.50", "12.50"},
      {"-1e400", "-1e400"},
      {"true", "true"},
      {R"({"a":"\n"})", R"({"a":"\n"})"},
      {R"([1, "x"])", R"([1, "x"])"},
      {R"("plain")", "plain"},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("a\u0000b")", "a\0b"sv},
      {R"("\u001f\u007F")", "\x1F\x7F"},
      {R"("\u00e9\u00E9")", "éé"},
      {R"("\u007f\u0080\u07ff\u0800")", "\u007F\u0080\u07FF\u0800"},
      {R"("\u20ac!\uFFFD")", "€!\uFFFD"},
      {R"("\\u0041")", "\\u0041"},
      {R"("\uD83C\udf53!")", "🍓!"},
      {R"("\ud800\udc00\udbff\udfff")", "\U00010000\U0010FFFF"},
      {R"("\ud83c")", "\uFFFD"},
      {R"("\ud83cx\udf53")", "\uFFFDx\uFFFD"},
      {R"("\ud83c\ud83c\udf53")", "\uFFFD🍓"},
      {R"("\ud83c\u0041")", "\uFFFDA"},
      {R"("日本語")", "日本語"},
  };
  for (const auto& c : kCases) EXPECT_EQ(ValueAsText(c.json), c.text) << c.json;
}

TEST(JsonValueAsText, IsTheInverseOfJsonString) {
  Dice dice(1);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = dice.Bytes(dice.Below(40));
    EXPECT_EQ(ValueAsText(JsonString(text)), text);
  }
}

TEST(JsonValueAsText, IsTheInverseOfJsonStringWhereEscapesAreDense) {
  constexpr std::string_view kAlphabet = "\"\\/u0bn\n\x01 ";
  Dice dice(2);
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (uint64_t n = dice.Below(12); n > 0; --n) text += kAlphabet[dice.Below(kAlphabet.size())];
    EXPECT_EQ(ValueAsText(JsonString(text)), text);
  }
}

TEST(IsoTime, KnowsTheCalendar) {
  constexpr int64_t kSecond = 1000000;
  const struct {
    int64_t unix_us;
    std::string_view text;
  } kCases[] = {
      {0, "1970-01-01T00:00:00.000000Z"},
      {1, "1970-01-01T00:00:00.000001Z"},
      {-1, "1969-12-31T23:59:59.999999Z"},
      {-kSecond, "1969-12-31T23:59:59.000000Z"},
      {99999, "1970-01-01T00:00:00.099999Z"},
      {1768473000 * kSecond + 123456, "2026-01-15T10:30:00.123456Z"},
      {-62135596800 * kSecond, "0001-01-01T00:00:00.000000Z"},
      {-11644560000 * kSecond, "1600-12-31T00:00:00.000000Z"},
      {-2203891200 * kSecond - 1, "1900-02-28T23:59:59.999999Z"},
      {-2203891200 * kSecond, "1900-03-01T00:00:00.000000Z"},
      {946598400 * kSecond, "1999-12-31T00:00:00.000000Z"},
      {951782400 * kSecond, "2000-02-29T00:00:00.000000Z"},
      {1709164800 * kSecond, "2024-02-29T00:00:00.000000Z"},
      {4107542400 * kSecond - 1, "2100-02-28T23:59:59.999999Z"},
      {4107542400 * kSecond, "2100-03-01T00:00:00.000000Z"},
      {253402300799 * kSecond + 999999, "9999-12-31T23:59:59.999999Z"},
  };
  for (const auto& c : kCases) EXPECT_EQ(IsoTime(c.unix_us), c.text);
}

TEST(IsoTime, AgreesWithGmtime) {
  Dice dice(3);
  for (int i = 0; i < 20000; ++i) {
    const time_t seconds = dice.Between(-62135596800, 253402300799);
    const auto us = static_cast<int>(dice.Below(1000000));
    std::tm tm{};
    ASSERT_NE(gmtime_r(&seconds, &tm), nullptr);
    char expected[80];
    std::snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                  us);
    ASSERT_EQ(IsoTime(seconds * 1000000 + us), expected);
  }
}

TEST(IsoTime, TakesEveryNumber) {
  EXPECT_EQ(IsoTime(std::numeric_limits<int64_t>::max()), "294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(IsoTime(std::numeric_limits<int64_t>::min()), "-290308-12-21T19:59:05.224192Z");
}

}  // namespace
}  // namespace fraiseql
