// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/stream_contents.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace fraiseql {
namespace {

using Presence = StreamContents::Presence;

Position At(uint64_t lsn, uint64_t ordinal = 1) { return {lsn, ordinal, 0}; }

// Fills from a picture of the stream: "1" to "9" are our messages, "." is a place that is let go
// of.
StreamContents Of(const std::string& picture) {
  StreamContents contents;
  for (const char c : picture) {
    if (c == '.') {
      contents.LetGo(1);
    } else {
      contents.Found(At(static_cast<uint64_t>(c - '0')));
    }
  }
  return contents;
}

// What is said of the messages 1 to 9: h(eld), g(one), m(issing), u(nknown).
std::string Verdicts(StreamContents contents) {
  std::string said;
  for (uint64_t lsn = 1; lsn <= 9; ++lsn) {
    said.push_back("hgmu"[static_cast<int>(contents.Classify(At(lsn)))]);
  }
  return said;
}

TEST(StreamContents, TellsWhatIsThereFromWhatIsNot) {
  EXPECT_EQ(Verdicts(Of("")), "mmmmmmmmm");
  EXPECT_EQ(Verdicts(Of("123")), "hhhmmmmmm");
  EXPECT_EQ(Verdicts(Of("1346")), "hmhhmhmmm") << "a broker may refuse one and take the next";
}

TEST(StreamContents, WhatIsOlderThanTheNewestWasThereIfPlacesWereLetGo) {
  EXPECT_EQ(Verdicts(Of("...456")), "ggghhhmmm") << "the oldest ones: max_msgs, max_age";
  EXPECT_EQ(Verdicts(Of("1.3..6")), "hghgghmmm") << "some: max_msgs_per_subject, a deletion";
  EXPECT_EQ(Verdicts(Of(".....6")), "ggggghmmm");
}

TEST(StreamContents, OnlyAsManyWereThereAsPlacesWereLetGo) {
  EXPECT_EQ(Verdicts(Of("..6")), "gguuuhmmm") << "three were refused";
  EXPECT_EQ(Verdicts(Of("13.6")), "hmhguhmmm");
}

// A full stream refused 4 to 6; those that it took before are acknowledged, consumed and gone.
TEST(StreamContents, PlacesWhoseMessagesAreKnownAreNoOtherMessages) {
  StreamContents contents;
  for (uint64_t lsn = 1; lsn <= 3; ++lsn) contents.LetGo(At(lsn));
  contents.Found(At(7));
  EXPECT_EQ(Verdicts(std::move(contents)), "mmmmmmhmm");
}

TEST(StreamContents, NothingIsMissingBeforeOneThatIsTied) {
  StreamContents contents;
  contents.Found(At(2));
  contents.Found(At(5), /*is_tied=*/true);
  contents.Found(At(7));
  EXPECT_EQ(Verdicts(std::move(contents)), "ghgghmhmm");
}

TEST(StreamContents, BehindTheNewestItCannotBeKnown) {
  EXPECT_EQ(Verdicts(Of("12..")), "hhuummmmm") << "others have overwritten it, or it was purged";
  EXPECT_EQ(Verdicts(Of("....")), "uuuummmmm");
  EXPECT_EQ(Verdicts(Of("..3.")), "gghummmmm");
}

TEST(StreamContents, AMessageThatWasStoredLateOpensNoGap) {
  EXPECT_EQ(Verdicts(Of("13425")), "hhhhhmmmm");
  EXPECT_EQ(Verdicts(Of("134.26")), "hhhhghmmm") << "the place lies before the next newer one";
}

TEST(StreamContents, EndsWithTheLastMessageHeld) {
  StreamContents contents = Of("1.3");
  EXPECT_TRUE(contents.HoldsFrom(At(3)));
  EXPECT_FALSE(contents.HoldsFrom(At(4)));
  EXPECT_FALSE(contents.holds_any());
}

// A stream that keeps one message a subject may have a gap before each one.
TEST(StreamContents, ManyGapsTakeBoundedMemoryAndCountAllPlaces) {
  constexpr uint64_t kMessages = 200000;
  StreamContents contents;
  for (uint64_t i = 1; i <= kMessages; ++i) {
    contents.LetGo(1);
    contents.Found(At(2 * i));
  }
  for (uint64_t i = 1; i <= kMessages; ++i) {
    ASSERT_EQ(contents.Classify(At(2 * i - 1)), Presence::kLetGo) << i;
    ASSERT_EQ(contents.Classify(At(2 * i)), Presence::kHeld) << i;
  }
}

TEST(StreamContents, AnAbsurdNumberOfPlacesDoesNotOverflow) {
  StreamContents contents;
  contents.LetGo(UINT64_MAX - 1);
  contents.LetGo(UINT64_MAX - 1);
  contents.Found(At(2));
  EXPECT_EQ(contents.Classify(At(1)), Presence::kLetGo);
}

}  // namespace
}  // namespace fraiseql
