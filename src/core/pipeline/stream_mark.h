// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace fraiseql {

// A greater sequence from a server is not accepted: it would take three million years to reach.
constexpr uint64_t kMaxStreamSequence = INT64_MAX;

// Whether this may be a time of creation, as servers write it ("2026-11-23T23:26:36.618989544Z"):
// it is stored in a file and identifies the stream.
inline bool IsStreamCreated(std::string_view text) {
  constexpr size_t kLongest = 64;
  return !text.empty() && text.size() <= kLongest &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

// A batch (see nats/publish/batches) in which messages of a connection that has ended may still be
// on their way into the stream.
struct BatchMark {
  uint64_t id = 0;      // 0: none
  std::string subject;  // of a message of ours; requests about the batch are sent there
};

// Whether this may be the subject of a message: it is stored in a file.
inline bool IsMarkedSubject(std::string_view text) {
  constexpr size_t kLongest = 4096;
  return !text.empty() && text.size() <= kLongest &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' '; });
}

// A place in the stream that all unsettled messages follow: no message of ours that is not settled
// was stored at or before it.  A lower mark is also correct; it only means more to read.
struct StreamMark {
  // Identifies the stream among those of the same name: its time of creation, as the server writes
  // it.  Empty: not known.
  std::string stream;
  uint64_t sequence = 0;

  // No unsettled message of ours has ever been stored.
  static StreamMark NothingStored() { return {{}, UINT64_MAX}; }
  bool nothing_stored() const { return sequence == UINT64_MAX; }
};

}  // namespace fraiseql
