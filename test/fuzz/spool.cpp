// SPDX-License-Identifier: PostgreSQL
// The worker's file of dead letters, with damage.  The first byte says whether the input is the
// file, or how to spoil a good one: pairs of a place (2 bytes) and a byte that is written there.
#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "core/deadletter/dead_letter_record.h"
#include "core/deadletter/spool_frame.h"
#include "fuzz.h"

namespace {

using namespace fraiseql;
using Part = SpoolReader::Part;

constexpr int kFrames = 6;

std::string Frame(int number) {
  Message message;
  message.position = {1, static_cast<uint64_t>(number), 0};
  message.subject = "a.b";
  message.payload = std::string(static_cast<size_t>(number) * 7, 'x');
  std::string frame(kFrameHeader, '\0');
  AppendDeadLetter(message, Status::Rejected("too large"), number, &frame);
  SealFrame(&frame);
  return frame;
}

// Goes through the file; the places of its frames.
std::set<uint64_t> Survey(const std::string& file) {
  SpoolReader reader([&file](uint64_t at, size_t size, char* to) {
    MUST(at <= file.size() && size <= file.size() - at);
    memcpy(to, file.data() + at, size);
    return true;
  });
  reader.Seek(0, file.size());
  std::set<uint64_t> frames;
  for (uint64_t at = 0;; at = reader.end()) {
    const Part part = reader.Next();
    MUST(reader.begin() == at);
    if (part == Part::kEnd) {
      MUST(at == file.size());
      return frames;
    }
    MUST(part != Part::kFailed && reader.end() > at && reader.end() <= file.size());
    if (part == Part::kFrame) frames.insert(at);
    if (part == Part::kUnfinished) MUST(reader.end() == file.size());
  }
}

void Spoil(std::string_view input) {
  static const std::vector<std::string> kGood = [] {
    std::vector<std::string> frames;
    for (int i = 0; i < kFrames; ++i) frames.push_back(Frame(i));
    return frames;
  }();
  std::string file;
  for (const std::string& frame : kGood) file += frame;
  const std::string before = file;
  while (input.size() >= 3) {
    const size_t at = TakeByte(&input) << 8 | TakeByte(&input);
    file[at % file.size()] = static_cast<char>(TakeByte(&input));
  }
  const std::set<uint64_t> found = Survey(file);
  uint64_t at = 0;
  for (const std::string& frame : kGood) {
    // A frame that is as it was is found, whatever happened to the others.
    if (file.compare(at, frame.size(), frame) == 0) MUST(found.count(at) == 1);
    at += frame.size();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input = TextOf(data, size);
  if (TakeByte(&input) % 2 == 0) {
    Survey(std::string(input));
    DeadLetterRecord record;
    (void)ParseDeadLetter(input, &record);
  } else {
    Spoil(input);
  }
  return 0;
}
