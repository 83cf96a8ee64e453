// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/change/position.h"
#include "core/pipeline/stored_positions.h"

namespace fraiseql {

// A range of places of the stream that are known to hold, or to have held, our messages.
struct StoredPlaces {
  uint64_t first = 0;
  uint64_t last = 0;
  Position position;  // of the last one; zero: not known
};

// The result of a check of the stream after a mark: our messages, and between which of them the
// stream has removed messages of any publisher (by a limit, age, a purge, a deletion).
//
// Messages are stored in the order of the log, except for those that the broker refuses.  So a
// message that is missing where the stream has removed messages was one of those removed; it must
// not be stored again after newer ones.  This applies to as many messages as places were removed,
// the first in log order: refused messages come after those that were accepted.
class StreamContents {
 public:
  enum class Presence : uint8_t {
    kHeld,     // the stream holds it
    kLetGo,    // it was stored and removed
    kMissing,  // it has not been stored
    kUnknown,  // it may have been stored: places were removed at the end, or fewer places than
               // there are messages, or more of them before
  };

  // Filled in the order of the stream: a message that it holds.
  // `is_tied`: all messages before it in the log were stored before it, or became dead letters.
  void Found(const Position& position, bool is_tied = false);
  // So many places that the stream has removed.
  void LetGo(uint64_t places);
  // A removed place whose message is known.
  void LetGo(const Position& position);

  // To be called once for each message, in the order of the log: it uses up a place.
  Presence Classify(const Position& position);

  // The most messages of which it is unknown whether they were stored.
  uint64_t most_unknown() const { return at_the_end_ + spare_; }

  bool Holds(const Position& position) const { return held_.Contains(position); }
  // Whether messages at or after `position` are held.  To be called in the order of the log.
  bool HoldsFrom(const Position& position);
  // Classify() and HoldsFrom() have not yet passed all messages that are held.
  bool holds_any() const { return !held_.empty(); }
  // The last one in the log of the messages found.  REQUIRES: holds_any().
  const Position& newest() const { return held_.last(); }

 private:
  // Removed places between two of our messages.
  struct Gap {
    Position behind;
    Position before;
    uint64_t places;
  };

  void Close(const Position& before);
  void Merge();

  StoredPositions held_;
  std::vector<Gap> gaps_;    // in the order of the log
  size_t passed_ = 0;        // number of gaps before the last classified message
  uint64_t spare_ = 0;       // places in those gaps that no message has used up
  Position newest_;          // the newest message found
  Position tied_;            // the newest of those that are tied
  uint64_t at_the_end_ = 0;  // removed places after `newest_`
};

}  // namespace fraiseql
