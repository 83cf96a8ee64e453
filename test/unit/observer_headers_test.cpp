// SPDX-License-Identifier: PostgreSQL
#include "config/observer_headers.h"

#include <gtest/gtest.h>

namespace fraiseql {
namespace {

TEST(SeparateObserverHeaders, RenamesTheListAndWhatBelongsToIt) {
  const struct {
    std::string_view text, separated;
  } kCases[] = {
      {"", ""},
      {"[observers]\na = 1\n", "[observers]\na = 1\n"},
      {"[[observers]]\na = 1\n", "[[__rules__]]\na = 1\n"},
      {"[[observers]]\n[observers]\n", "[[__rules__]]\n[observers]\n"},
      {"[observers]\n[[observers]]\n", "[observers]\n[[__rules__]]\n"},
      {"[observers]\n[[observers.rules]]\n", "[observers]\n[[observers.rules]]\n"},
      // Sub-tables belong to the header before them.
      {"[[observers]]\n[observers.retry]\n[[observers.actions]]\n[observers]\n[observers.runtime]"
       "\n",
       "[[__rules__]]\n[__rules__.retry]\n[[__rules__.actions]]\n[observers]\n[observers.runtime]"
       "\n"},
      {"[observers]\n[[observers]]\n[observers.retry]\n",
       "[observers]\n[[__rules__]]\n[__rules__.retry]\n"},
      {"[[observers]]\n[redis]\n[observers.retry]\n",
       "[[__rules__]]\n[redis]\n[__rules__.retry]\n"},
      // Blanks, quotes, comments, line ends.
      {"  [[ observers ]]  # [[observers]]\r\n\t[ observers . retry ]\r\n",
       "  [[ __rules__ ]]  # [[observers]]\r\n\t[ __rules__ . retry ]\r\n"},
      {"[[\"observers\"]]\n[['observers'.x]]\n", "[[\"__rules__\"]]\n[['__rules__'.x]]\n"},
      {"\xEF\xBB\xBF[[observers]]", "\xEF\xBB\xBF[[__rules__]]"},
      // Other keys.
      {"[[observers_old]]\n[[my.observers]]\n[[observer]]\n[['observers x']]\n",
       "[[observers_old]]\n[[my.observers]]\n[[observer]]\n[['observers x']]\n"},
  };
  for (const auto& c : kCases) {
    const SeparatedText separated = SeparateObserverHeaders(c.text);
    EXPECT_EQ(separated.text, c.separated);
    EXPECT_EQ(separated.text.size(), c.text.size());
    EXPECT_FALSE(separated.too_deep.has_value());
  }
}

TEST(SeparateObserverHeaders, IsNotFooledByWhatIsNoHeader) {
  for (const std::string_view text : {
           "a = \"\"\"\n[[observers]]\n\"\"\"\n",
           "a = '''\n[[observers]]\n'''\n",
           "a = \"\"\"\n\\\"\"\"\n[[observers]]\n\"\"\"\n",
           "a = \"\"\"x\"\"\"\"\"\nb = '''y'''''\nc = '''\n[[observers]]'''\n",
           "a = [\n[[observers]],\n]\n",
           "a = [ # ]\n[[observers]]\n]\n",
           "a = [ \"]\", ']'\n[[observers]]\n]\n",
           "a = \"\\\"[\" # \"\nb = [\n[[observers]]\n]\n",
           "# [[observers]]\n",
           "a = '[[observers]]'\n",
           "a = { b = [\n[[observers]]\n] }\n",
       }) {
    const SeparatedText separated = SeparateObserverHeaders(text);
    EXPECT_EQ(separated.text, text);
    EXPECT_FALSE(separated.has_list) << text;
  }
}

TEST(SeparateObserverHeaders, FindsTheHeaderBehindThem) {
  for (const std::string_view before :
       {"a = \"\"\"\n[x\n\"\"\"\n", "a = '''x'''''\n", "a = \"\"\"x\"\"\"\"\"\n", "a = \"\\\\\"\n",
        "a = '\\'\n", "a = [ # [[[ \n]\n", "a = \"[\"\n", "'a[' = \"'\"\n", "# \"\"\"\n",
        "a = {b = \"}\"}\n", "a = \"\"\n", "a = ''\n", "a = \"\"\"\\\"\"\"\"\n"}) {
    const SeparatedText separated = SeparateObserverHeaders(std::string(before) + "[[observers]]");
    EXPECT_EQ(separated.text, std::string(before) + "[[__rules__]]");
  }
}

TEST(SeparateObserverHeaders, SurvivesWhatIsNoToml) {
  const std::string_view pieces[] = {"[[", "observers", "]]",   "\"",       "'", "\"\"\"", "'''",
                                     "\\", "\n",        "[",    "]",        "#", ".",      "=",
                                     "{",  "}",         "\xEF", "\xBB\xBF", " "};
  unsigned dice = 1;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      dice = dice * 1664525 + 1013904223;
      text += pieces[(dice >> 16) % std::size(pieces)];
    }
    EXPECT_EQ(SeparateObserverHeaders(text).text.size(), text.size());
  }
}

TEST(SeparateObserverHeaders, FindsKeysThatAreTooDeep) {
  const auto key = [](int parts) {
    std::string text = "a";
    for (int i = 1; i < parts; ++i) text += ".a";
    return text;
  };
  EXPECT_FALSE(SeparateObserverHeaders('[' + key(33) + "]\n").too_deep.has_value());
  EXPECT_EQ(SeparateObserverHeaders('[' + key(34) + "]\n").too_deep, 66u);
  EXPECT_TRUE(SeparateObserverHeaders(key(1000) + " = 1").too_deep.has_value());
  EXPECT_FALSE(
      SeparateObserverHeaders("a = '" + key(1000) + "' # " + key(99)).too_deep.has_value());
}

}  // namespace
}  // namespace fraiseql
