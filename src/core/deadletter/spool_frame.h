// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace fraiseql {

// The format of the worker's file of dead letters, in which damage to one frame affects no other:
//
//   file   := frame*
//   frame  := header record                (record: see core/deadletter/dead_letter_record.h)
//   header := "FNdl" length:8 checksum of the record:4 checksum of the 16 bytes before:4
//
// Numbers are little endian.
constexpr size_t kFrameHeader = 20;

// Fills in the first kFrameHeader bytes of `frame`; the record follows them.
void SealFrame(std::string* frame);

// Reads such a file, whatever its contents.
class SpoolReader {
 public:
  // Reads `size` bytes at `at`, which lie within the file; false on failure.
  using ReadAt = std::function<bool(uint64_t at, size_t size, char* to)>;

  enum class Part : uint8_t {
    kFrame,    // one dead letter: see record()
    kDamaged,  // not a dead letter: ends after an intact header's record or before the next header
    kUnfinished,  // the beginning of a frame, at the end of the file
    kEnd,
    kFailed,  // the file cannot be read
  };

  explicit SpoolReader(ReadAt read) : read_(std::move(read)) {}

  // The next part begins at `at`; `size` is the size of the file.  REQUIRES: at <= size.
  void Seek(uint64_t at, uint64_t size) {
    end_ = at;
    size_ = size;
  }

  // Moves to the next part, which lies between begin() and end().
  Part Next();
  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }

  // The record of the frame, valid until the next call.
  std::string_view record() const { return record_; }

 private:
  enum class Header : uint8_t { kIntact, kNone, kFailed };

  Header ReadHeader(uint64_t at, uint64_t* length, uint32_t* checksum);
  Part SkipToHeader();
  bool BeginsHeader(uint64_t at);

  const ReadAt read_;
  uint64_t size_ = 0;
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
  std::string record_;
};

}  // namespace fraiseql
