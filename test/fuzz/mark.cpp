// SPDX-License-Identifier: PostgreSQL
// The file with the mark: as it is, and with the checksum put right.
#include <string>

#include "core/base/crc32c.h"
#include "core/pipeline/mark_line.h"
#include "fuzz.h"

namespace {

using namespace fraiseql;

void Check(const std::string& line) {
  const auto mark = ParseMark(line);
  if (!mark) return;
  MUST(mark->mark.sequence <= kMaxStreamSequence && IsStreamCreated(mark->mark.stream));
  const auto again = ParseMark(FormatMark(*mark));
  MUST(again && again->mark.stream == mark->mark.stream &&
       again->mark.sequence == mark->mark.sequence && again->settled_lsn == mark->settled_lsn &&
       again->through == mark->through);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(TextOf(data, size));
  Check(text);
  Check(text + " " + std::to_string(Crc32c(text)) + "\n");
  return 0;
}
