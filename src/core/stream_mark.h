// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>

namespace fraiseql {

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
