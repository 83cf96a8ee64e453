// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/mark_line.h"

#include <algorithm>
#include <cassert>

#include "core/base/crc32c.h"
#include "core/base/number.h"

namespace fraiseql {

namespace {

constexpr std::string_view kVersion = "4 ";
constexpr std::string_view kNoBatch = "-";  // stands for its subject

// Removes the last blank and the number after it from `text`; false if that is not exactly a
// number.
template <typename Integer>
bool TakeLastNumber(std::string_view* text, Integer* number) {
  const size_t blank = text->rfind(' ');
  if (blank == std::string_view::npos) return false;
  const bool whole = ReadWholeDecimal(text->substr(blank + 1), number);
  *text = text->substr(0, blank);
  return whole;
}

}  // namespace

std::string FormatMark(const SettledMark& settled) {
  const StreamMark& mark = settled.mark;
  assert(IsStreamCreated(mark.stream) && mark.sequence <= kMaxStreamSequence);
  std::string line(kVersion);
  line.append(mark.stream).push_back(' ');
  assert(settled.batch.id == 0 || IsMarkedSubject(settled.batch.subject));
  line.append(settled.batch.id != 0 ? settled.batch.subject : kNoBatch);
  for (const uint64_t number :
       {settled.batch.id, mark.sequence, std::max(settled.seen, mark.sequence), settled.settled_lsn,
        settled.through.commit_lsn, settled.through.ordinal, uint64_t{settled.through.route}}) {
    line.push_back(' ');
    AppendDecimal(number, &line);
  }
  const uint32_t checksum = Crc32c(line);
  line.push_back(' ');
  AppendDecimal(checksum, &line);
  line.push_back('\n');
  return line;
}

std::optional<SettledMark> ParseMark(std::string_view line) {
  if (line.empty() || line.back() != '\n') return {};
  line.remove_suffix(1);
  uint32_t checksum = 0;
  if (!TakeLastNumber(&line, &checksum) || checksum != Crc32c(line)) return {};
  SettledMark settled;
  StreamMark& mark = settled.mark;
  Position& through = settled.through;
  if (!TakeLastNumber(&line, &through.route) || !TakeLastNumber(&line, &through.ordinal) ||
      !TakeLastNumber(&line, &through.commit_lsn) || !TakeLastNumber(&line, &settled.settled_lsn)) {
    return {};
  }
  if (!TakeLastNumber(&line, &settled.seen) || settled.seen > kMaxStreamSequence) return {};
  if (!TakeLastNumber(&line, &mark.sequence) || mark.sequence > settled.seen) return {};
  if (!TakeLastNumber(&line, &settled.batch.id)) return {};
  if (line.substr(0, kVersion.size()) != kVersion) return {};
  line.remove_prefix(kVersion.size());
  const size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return {};
  mark.stream = line.substr(0, blank);
  const std::string_view subject = line.substr(blank + 1);
  if (settled.batch.id != 0) settled.batch.subject = subject;
  const bool subject_fits = settled.batch.id != 0 ? IsMarkedSubject(subject) : subject == kNoBatch;
  if (!subject_fits || !IsStreamCreated(mark.stream)) return {};
  return settled;
}

}  // namespace fraiseql
