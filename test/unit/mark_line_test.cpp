// SPDX-License-Identifier: PostgreSQL
#include "core/mark_line.h"

#include <gtest/gtest.h>

#include <string>

#include "core/crc32c.h"

namespace fraiseql {
namespace {

std::string Sealed(const std::string& text) {
  return text + " " + std::to_string(Crc32c(text)) + "\n";
}

TEST(MarkLine, IsReadAsItWasWritten) {
  for (const uint64_t sequence : {uint64_t{0}, uint64_t{42}, kMaxStreamSequence}) {
    const StreamMark mark{"2026-11-23T23:26:36.618989544Z", sequence};
    const auto read = ParseMark(FormatMark(mark));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->stream, mark.stream);
    EXPECT_EQ(read->sequence, sequence);
  }
}

TEST(MarkLine, NoFlippedBitGivesAnotherMark) {
  const std::string line = FormatMark({"2026-11-23T23:26:36Z", 42});
  for (size_t bit = 0; bit < 8 * line.size(); ++bit) {
    std::string flipped = line;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(ParseMark(flipped)) << flipped;
  }
  for (size_t size = 0; size < line.size(); ++size) EXPECT_FALSE(ParseMark(line.substr(0, size)));
}

TEST(MarkLine, BelievesNoMarkThatNoStreamCanHave) {
  EXPECT_TRUE(ParseMark(Sealed("1 x 42")));
  for (const char* text : {"1 x 18446744073709551615", "1 x 9223372036854775808", "2 x 42", "1 x",
                           "1  42", "1 x -1", "1 x 4 2", "1 a b 42", "1 x\t 42", ""}) {
    EXPECT_FALSE(ParseMark(Sealed(text))) << text;
  }
  EXPECT_FALSE(ParseMark(Sealed("1 " + std::string(65, 'x') + " 42")));
}

}  // namespace
}  // namespace fraiseql
