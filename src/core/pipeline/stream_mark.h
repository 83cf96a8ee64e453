// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace fraiseql {

// What a server says of a longer stream is not believed: it would take three million years.
constexpr uint64_t kMaxStreamSequence = INT64_MAX;

// Whether this may be a time of creation, as servers write it ("2026-11-23T23:26:36.618989544Z"):
// it is kept in a file, and tells streams apart.
inline bool IsStreamCreated(std::string_view text) {
  constexpr size_t kLongest = 64;
  return !text.empty() && text.size() <= kLongest &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

// A place in the stream behind which all stands that a sender may have to look for: no message of
// ours that is not settled was stored at or before it.  A mark that lies too far back is as right
// as the best one; it only means more to read.
struct StreamMark {
  // Which stream of that name: its time of creation, as the server writes it.  Empty: not known.
  std::string stream;
  uint64_t sequence = 0;

  // Nothing of ours that is not settled has ever been stored.
  static StreamMark NothingStored() { return {{}, UINT64_MAX}; }
  bool nothing_stored() const { return sequence == UINT64_MAX; }
};

}  // namespace fraiseql
