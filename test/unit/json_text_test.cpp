// SPDX-License-Identifier: PostgreSQL
#include "core/base/json_text.h"

#include <gtest/gtest.h>

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

// Long texts are looked through in blocks: as one byte is written, so are many.
TEST(JsonString, EscapesWhereverItStands) {
  Dice dice(5);
  for (int i = 0; i < 20000; ++i) {
    std::string text = dice.Bytes(dice.Below(80));
    const bool mostly_plain = dice.Percent(80);
    std::string body;
    for (char& c : text) {
      if (mostly_plain && !dice.Percent(3)) c = static_cast<char>(' ' + (c & 0x1F) + 0x40);
      if (mostly_plain && c == '\\') c = 'x';
      const std::string one = JsonString({&c, 1});
      body += one.substr(1, one.size() - 2);
    }
    ASSERT_EQ(JsonString(text), '"' + body + '"');
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

}  // namespace
}  // namespace fraiseql
