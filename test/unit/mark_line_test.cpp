// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/mark_line.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/crc32c.h"

namespace fraiseql {
namespace {

std::string Sealed(const std::string& text) {
  return text + " " + std::to_string(Crc32c(text)) + "\n";
}

TEST(MarkLine, IsReadAsItWasWritten) {
  for (const uint64_t sequence : {uint64_t{0}, uint64_t{42}, kMaxStreamSequence}) {
    const SettledMark settled{{"2026-11-23T23:26:36.618989544Z", sequence},
                              UINT64_MAX - 1,
                              {UINT64_MAX, 7, UINT32_MAX},
                              kMaxStreamSequence};
    const auto read = ParseMark(FormatMark(settled));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->mark.stream, settled.mark.stream);
    EXPECT_EQ(read->mark.sequence, sequence);
    EXPECT_EQ(read->settled_lsn, settled.settled_lsn);
    EXPECT_EQ(read->through, settled.through);
    EXPECT_EQ(read->seen, kMaxStreamSequence);
  }
}

TEST(MarkLine, NoFlippedBitGivesAnotherMark) {
  const std::string line = FormatMark({{"2026-11-23T23:26:36Z", 42}, 4711, {4712, 3, 1}, 43});
  for (size_t bit = 0; bit < 8 * line.size(); ++bit) {
    std::string flipped = line;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(ParseMark(flipped)) << flipped;
  }
  for (size_t size = 0; size < line.size(); ++size) EXPECT_FALSE(ParseMark(line.substr(0, size)));
}

TEST(MarkLine, OfAStreamThatIsAtLeastAsLongAsTheMark) {
  const auto read = ParseMark(FormatMark({{"2026-11-23T23:26:36Z", 42}, 4711, {}}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->seen, 42u);
}

TEST(MarkLine, KeepsTheBatch) {
  SettledMark settled = {{"2026-11-23T23:26:36Z", 42}, 4711, {}};
  settled.batch = {UINT64_MAX, "fraiseql.a-1"};
  const auto read = ParseMark(FormatMark(settled));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->batch.id, UINT64_MAX);
  EXPECT_EQ(read->batch.subject, "fraiseql.a-1");
  EXPECT_EQ(ParseMark(FormatMark({{"2026-11-23T23:26:36Z", 42}, 4711, {}}))->batch.subject, "");
}

TEST(MarkLine, BelievesNoMarkThatNoStreamCanHave) {
  EXPECT_TRUE(ParseMark(Sealed("4 x - 0 42 43 7 8 9 1")));
  for (const char* text : {"4 x - 0 42 18446744073709551615 7 8 9 1",
                           "4 x - 0 42 9223372036854775808 7 8 9 1",
                           "4 x - 0 42 41 7 8 9 1",
                           "3 x 42 43 7 8 9 1",
                           "3 x 42 7 8 9 1",
                           "4 x - 0 42 7 8 9 1",
                           "4 x",
                           "4  - 0 42 43 7 8 9 1",
                           "4 x - 0 -1 43 7 8 9 1",
                           "4 x - 0 42 43 -7 8 9 1",
                           "4 x - 0 4 2 43 7 8 9 1",
                           "4 a - b 0 42 43 7 8 9 1",
                           "4 x\t - 0 42 43 7 8 9 1",
                           "4 x - 0 42 43 7",
                           "4 x - 1 42 43 7 8 9 1 1",
                           "4 x 0 42 43 7 8 9 1",
                           "4 x  5 42 43 7 8 9 1",
                           "4 x a\x01"
                           "b 5 42 43 7 8 9 1",
                           "4 x - 0 42 43 18446744073709551616 8 9 1",
                           "4 x - 0 42 43 7 8 9 4294967296",
                           ""}) {
    EXPECT_FALSE(ParseMark(Sealed(text))) << text;
  }
  EXPECT_FALSE(ParseMark(Sealed("4 " + std::string(65, 'x') + " - 0 42 43 7 8 9 1")));
}

}  // namespace
}  // namespace fraiseql
