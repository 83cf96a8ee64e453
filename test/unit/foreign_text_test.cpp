// SPDX-License-Identifier: PostgreSQL
#include "core/base/foreign_text.h"

#include <gtest/gtest.h>

#include <string>

namespace fraiseql {
namespace {

TEST(ForeignText, LeavesPrintableAsciiAlone) {
  EXPECT_EQ(ForeignText("Permissions Violation for Publish to \"a\\b\"~"),
            "Permissions Violation for Publish to \"a\\b\"~");
  EXPECT_EQ(ForeignText(""), "");
}

TEST(ForeignText, EscapesWhatATerminalOrALogWouldObey) {
  EXPECT_EQ(ForeignText("\x1B[2Jred\r\nFATAL:  x\t\x7F"),
            "\\x1B[2Jred\\x0D\\x0AFATAL:  x\\x09\\x7F");
  EXPECT_EQ(ForeignText(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(ForeignText("\xC3\xA9\x9B"), "\\xC3\\xA9\\x9B");
}

TEST(ForeignText, IsNeverLongerThanItsLimit) {
  EXPECT_EQ(ForeignText(std::string(1000000, 'x')).size(), kMaxForeignText);
  for (size_t limit = 0; limit < 40; ++limit) {
    for (const char c : {'x', '\n'}) {
      const std::string shown = ForeignText(std::string(100, c), limit);
      EXPECT_LE(shown.size(), std::max<size_t>(limit, 3));
      EXPECT_EQ(shown.substr(shown.size() - 3), "...");
    }
  }
  EXPECT_EQ(ForeignText("0123456789", 14), "0123456789");
}

TEST(PlainText, HasNoControlCharacters) {
  EXPECT_TRUE(IsPlainText("ord\xC3\xA9r s", 10));
  EXPECT_FALSE(IsPlainText("orders", 5));
  for (const char* text : {"a\x1B", "a\nb", "\x7F"}) EXPECT_FALSE(IsPlainText(text, 10));
}

}  // namespace
}  // namespace fraiseql
