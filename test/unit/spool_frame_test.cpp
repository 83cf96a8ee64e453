// SPDX-License-Identifier: PostgreSQL
#include "core/deadletter/spool_frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/deadletter/dead_letter_record.h"

namespace fraiseql {
namespace {

using Part = SpoolReader::Part;

TEST(Crc32c, IsThatOfPostgres) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
}

std::string Frame(const std::string& payload) {
  Message message;
  message.position = {1, 2, 0};
  message.subject = "a.b";
  message.payload = payload;
  std::string frame(kFrameHeader, '\0');
  AppendDeadLetter(message, Status::Rejected("too large"), 0, &frame);
  SealFrame(&frame);
  return frame;
}

SpoolReader ReaderOf(const std::string& file) {
  SpoolReader reader([&file](uint64_t at, size_t size, char* to) {
    EXPECT_LE(at + size, file.size());
    memcpy(to, file.data() + at, size);
    return true;
  });
  reader.Seek(0, file.size());
  return reader;
}

// "f:<payload>" for a frame, "d<bytes>" for damage, "u<bytes>" for what is unfinished.
std::string Survey(const std::string& file) {
  SpoolReader reader = ReaderOf(file);
  std::string survey;
  uint64_t at = 0;
  for (;;) {
    const Part part = reader.Next();
    EXPECT_EQ(reader.begin(), at);
    at = reader.end();
    DeadLetterRecord record;
    switch (part) {
      case Part::kFrame:
        EXPECT_TRUE(ParseDeadLetter(reader.record(), &record));
        survey += "f:" + std::string(record.payload) + " ";
        break;
      case Part::kDamaged:
        survey += "d" + std::to_string(reader.end() - reader.begin()) + " ";
        break;
      case Part::kUnfinished:
        survey += "u" + std::to_string(reader.end() - reader.begin()) + " ";
        break;
      case Part::kEnd:
        EXPECT_EQ(at, file.size());
        return survey;
      case Part::kFailed:
        return survey + "failed";
    }
  }
}

TEST(SpoolFrame, ReadsWhatWasWritten) {
  EXPECT_EQ(Survey(""), "");
  EXPECT_EQ(Survey(Frame("one") + Frame("") + Frame(std::string(1, 'x'))), "f:one f: f:x ");
}

TEST(SpoolFrame, NoFlippedBitHarmsAnotherFrame) {
  const std::string frame = Frame("two");
  const std::string damaged = "d" + std::to_string(frame.size());
  for (size_t bit = 0; bit < 8 * frame.size(); ++bit) {
    std::string flipped = frame;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(Survey(Frame("one") + flipped + Frame("three")), "f:one " + damaged + " f:three ");
    EXPECT_EQ(Survey(Frame("one") + flipped), "f:one " + damaged + " ");
  }
}

TEST(SpoolFrame, TellsAnUnfinishedFrameFromADamagedOne) {
  const std::string frame = Frame("two");
  for (size_t size = 1; size < frame.size(); ++size) {
    EXPECT_EQ(Survey(Frame("one") + frame.substr(0, size)), "f:one u" + std::to_string(size) + " ");
  }
}

TEST(SpoolFrame, FindsTheNextFrameBehindAnything) {
  const std::string next = Frame("next");
  EXPECT_EQ(Survey("x" + next), "d1 f:next ");
  EXPECT_EQ(Survey("FNdlFNdl" + next), "d8 f:next ");
  EXPECT_EQ(Survey(Frame("one").substr(1) + next).substr(0, 1), "d");
  // Where chunks of 64 kB meet.
  for (size_t size = 65530; size < 65545; ++size) {
    EXPECT_EQ(Survey(std::string(size, '\0') + next), "d" + std::to_string(size) + " f:next ");
  }
  EXPECT_EQ(Survey(std::string(100, '\0')), "d100 ");
}

TEST(SpoolFrame, AnIntactFrameWithAnotherRecordIsDamage) {
  std::string frame(kFrameHeader, '\0');
  frame += "not a record";
  SealFrame(&frame);
  EXPECT_EQ(Survey(frame + Frame("next")), "d32 f:next ");
}

TEST(SpoolFrame, SaysThatItCannotRead) {
  SpoolReader reader([](uint64_t, size_t, char*) { return false; });
  reader.Seek(0, 100);
  EXPECT_EQ(reader.Next(), Part::kFailed);
}

}  // namespace
}  // namespace fraiseql
