// SPDX-License-Identifier: PostgreSQL
#include "core/deadletter/spool_frame.h"

#include <algorithm>
#include <cassert>

#include "core/base/binary_fields.h"
#include "core/base/crc32c.h"
#include "core/deadletter/dead_letter_record.h"

namespace fraiseql {

namespace {

constexpr std::string_view kMagic = "FNdl";
constexpr size_t kOwnChecksumAt = 16;
constexpr size_t kChunk = 64 * 1024;
constexpr size_t kKeptCapacity = 64 * 1024;

}  // namespace

void SealFrame(std::string* frame) {
  assert(frame->size() >= kFrameHeader);
  const std::string_view record = std::string_view(*frame).substr(kFrameHeader);
  std::string header(kMagic);
  AppendNumber(uint64_t{record.size()}, &header);
  AppendNumber(Crc32c(record), &header);
  AppendNumber(Crc32c(header), &header);
  frame->replace(0, kFrameHeader, header);
}

SpoolReader::Part SpoolReader::Next() {
  begin_ = end_;
  if (record_.capacity() > kKeptCapacity) record_ = std::string();
  record_.clear();
  if (begin_ == size_) return Part::kEnd;
  uint64_t length = 0;
  uint32_t checksum = 0;
  const Header header = ReadHeader(begin_, &length, &checksum);
  if (header == Header::kFailed) return Part::kFailed;
  if (header == Header::kNone) return SkipToHeader();
  const uint64_t at = begin_ + kFrameHeader;
  if (length > size_ - at) {
    end_ = size_;
    return Part::kUnfinished;
  }
  record_.resize(static_cast<size_t>(length));
  if (!read_(at, record_.size(), record_.data())) return Part::kFailed;
  end_ = at + length;
  DeadLetterRecord parsed;
  const bool intact = checksum == Crc32c(record_) && ParseDeadLetter(record_, &parsed);
  return intact ? Part::kFrame : Part::kDamaged;
}

SpoolReader::Header SpoolReader::ReadHeader(uint64_t at, uint64_t* length, uint32_t* checksum) {
  char header[kFrameHeader];
  if (size_ - at < kFrameHeader) return Header::kNone;
  if (!read_(at, kFrameHeader, header)) return Header::kFailed;
  std::string_view rest(header + kMagic.size(), kFrameHeader - kMagic.size());
  uint32_t own_checksum = 0;
  const bool intact = std::string_view(header, kMagic.size()) == kMagic &&
                      TakeNumber(&rest, length) && TakeNumber(&rest, checksum) &&
                      TakeNumber(&rest, &own_checksum) &&
                      own_checksum == Crc32c({header, kOwnChecksumAt});
  return intact ? Header::kIntact : Header::kNone;
}

// There is no header at begin_: the part ends at the next header.
SpoolReader::Part SpoolReader::SkipToHeader() {
  std::string chunk;
  for (uint64_t at = begin_; at < size_; at += kChunk) {
    // Chunks overlap, so that one of them contains each magic word as a whole.
    chunk.resize(static_cast<size_t>(std::min<uint64_t>(kChunk + kMagic.size() - 1, size_ - at)));
    if (!read_(at, chunk.size(), chunk.data())) return Part::kFailed;
    for (size_t found = chunk.find(kMagic); found != std::string::npos;
         found = chunk.find(kMagic, found + 1)) {
      uint64_t length = 0;
      uint32_t checksum = 0;
      const Header header = ReadHeader(at + found, &length, &checksum);
      if (header == Header::kFailed) return Part::kFailed;
      if (header == Header::kNone) continue;
      end_ = at + found;
      return Part::kDamaged;
    }
  }
  end_ = size_;
  return BeginsHeader(begin_) ? Part::kUnfinished : Part::kDamaged;
}

// Whether the file ends with the beginning of a header, at `at`.
bool SpoolReader::BeginsHeader(uint64_t at) {
  const auto rest = static_cast<size_t>(std::min<uint64_t>(size_ - at, kFrameHeader));
  char bytes[kFrameHeader];
  if (rest == kFrameHeader || !read_(at, rest, bytes)) return false;
  const size_t magic = std::min(rest, kMagic.size());
  return std::string_view(bytes, magic) == kMagic.substr(0, magic);
}

}  // namespace fraiseql
