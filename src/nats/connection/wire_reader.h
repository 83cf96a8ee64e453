// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fraiseql::nats {

// Parses the input from a NATS server (the client protocol, as in the NATS documentation).
class WireReader {
 public:
  enum class Kind : uint8_t {
    kNeedMore,  // the input ends within an item
    kMessage,   // MSG, HMSG
    kPing,
    kPong,
    kError,   // -ERR
    kOther,   // INFO, +OK, and unknown lines
    kBroken,  // a protocol error: parsing cannot continue
  };

  // The views are valid until the next call of Space().
  struct Item {
    uint32_t subscription = 0;  // of a message, like its other parts
    std::string_view subject;
    std::string_view reply;
    std::string_view headers;  // "NATS/1.0[ status[ description]]\r\n", lines, "\r\n"
    std::string_view data;
    std::string_view text;  // of an error, without its quotes
  };

  // A larger message is kBroken.
  explicit WireReader(size_t max_message) : max_message_(max_message) {}

  // The buffer for further input: room for at least `size` bytes.
  char* Space(size_t size);
  void Added(size_t size) { end_ += size; }

  Kind Next(Item* item);

  // The first byte that has not been parsed yet; REQUIRES: there is one.
  char first() const { return buffer_[begin_]; }
  bool empty() const { return begin_ == end_; }

 private:
  Kind ReadMessage(std::string_view line, bool with_headers, Item* item);

  const size_t max_message_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// The value of the header `name`, compared exactly, in the headers of a message; "Status" and
// "Description" are those of its first line.  Empty if there is none.
std::string_view HeaderOf(std::string_view headers, std::string_view name);

}  // namespace fraiseql::nats
