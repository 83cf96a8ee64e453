// SPDX-License-Identifier: PostgreSQL
#pragma once

// What a worker does so that nothing kills one after the other.  Include after postgres.h.

#include <cstdint>

#include "core/change/position.h"

namespace fraiseql::pg {

// Where workers have died of an ERROR while they decoded.  Plain data, in shared memory.
struct WorkerDeaths {
  uint64_t commit_lsn;  // 0: nowhere in particular
  uint64_t ordinal;
  int count;  // in a row, at this place
};

// A step of decoding (a value encoded, a condition tested, a table looked up) may raise, and then
// be met again and again.  But what an error leaves behind only a subtransaction clears away, and
// that is too dear for every change.  So a process begins without: an error ends it.  The next one
// is told where that was (WorkerDeaths), and isolates the steps of the changes to come: it clears
// up after an error, makes a dead letter of what the step was for, and goes on.
//
// Errors of the server's state (want of memory, say) may have gone at the next attempt: they are
// raised again, unless two processes have died at this very change.
//
// Main thread only.  Lives in a memory context (see NewInContext) or as long as the process.
class Isolation {
 public:
  enum class Mode : uint8_t { kNever, kAlways };
  explicit Isolation(Mode mode) : remaining_(mode == Mode::kAlways ? INT64_MAX : 0) {}
  explicit Isolation(const WorkerDeaths& deaths);

  // The steps from here on are those of a change, or, with ordinal 0, of the beginning of its
  // transaction.
  void BeginChange(const Position& position);
  // What is done from here on has to do with no transaction.
  void EndTransaction();

  bool on() const { return remaining_ > 0; }

  // Calls `body(argument)`.  Null if it returns; if it raised and that was isolated, the message,
  // as UTF-8 in the current memory context.  REQUIRES: a transaction, or a decoding callback.
  const char* Try(void (*body)(void* argument), void* argument);

 private:
  int64_t remaining_;  // changes to isolate
  WorkerDeaths deaths_{};
  bool died_here_ = false;  // twice, at the present change
};

// For the process that decodes, when it ends because of an error: adds it to what is known.
void CountDeath(WorkerDeaths* deaths);

// The last ERROR of this process that was logged, or what it ended with before it was connected, in
// the server's encoding; empty: none.  Noted after NoteErrors().
const char* LastError();
void NoteErrors();
// Whether the process ends since its database was dropped before it could connect: that is no news,
// and after NoteErrors() not in the log.
bool DatabaseHasGone();

}  // namespace fraiseql::pg
