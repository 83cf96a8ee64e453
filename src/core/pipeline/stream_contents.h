// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/change/position.h"
#include "core/pipeline/stored_positions.h"

namespace fraiseql {

// Places of the stream in which messages of ours were stored, that are known.
struct StoredPlaces {
  uint64_t first = 0;
  uint64_t last = 0;
  Position position;  // of the last one; zero: not known
};

// What a look into the stream has found behind a mark: our messages, and between which of them the
// stream has let go of some (a limit, age, a purge, a deletion), whosever they were.
//
// Messages are stored in the order of the log, but for those that the broker refuses.  So a message
// that is not there, while places were let go of where it would stand, was one of those; it must
// not be stored again behind newer ones.  As many messages as there are such places, the first of
// the log: what is refused comes behind what is taken.
class StreamContents {
 public:
  enum class Presence : uint8_t {
    kHeld,     // it is there
    kLetGo,    // it was there: newer ones of ours are, and no older one is missing
    kMissing,  // it has not been stored
    kUnknown,  // it may have been: places were let go of where nothing of ours follows, or fewer
               // than there are messages, or more of them before
  };

  // Filling: what there is, in the order of the stream.
  // `is_tied`: all that comes before it in the log was stored before it, or was a dead letter.
  void Found(const Position& position, bool is_tied = false);
  void LetGo(uint64_t places);
  // One of the places that the stream has let go of: it is known whose that was.
  void LetGo(const Position& position);

  // For each message once, in the order of the log: it uses up a place.
  Presence Classify(const Position& position);

  // How many more messages there may be of which it is not known.
  uint64_t most_unknown() const { return at_the_end_ + spare_; }

  bool Holds(const Position& position) const { return held_.Contains(position); }
  // Messages at or behind `position` are held: to be asked in the order of the log.
  bool HoldsFrom(const Position& position);
  // Classify() and HoldsFrom() have not yet come past all that is held.
  bool holds_any() const { return !held_.empty(); }
  // Of those found, the last one in the log.  REQUIRES: holds_any().
  const Position& newest() const { return held_.last(); }

 private:
  // Places between two of our messages.
  struct Gap {
    Position behind;
    Position before;
    uint64_t places;
  };

  void Close(const Position& before);
  void Merge();

  StoredPositions held_;
  std::vector<Gap> gaps_;    // in the order of the log
  size_t passed_ = 0;        // of the gaps
  uint64_t spare_ = 0;       // places in those that no message has used up
  Position newest_;          // of those found
  Position tied_;            // the newest of those that are tied
  uint64_t at_the_end_ = 0;  // places behind it
};

}  // namespace fraiseql
