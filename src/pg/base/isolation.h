// SPDX-License-Identifier: PostgreSQL
#pragma once

// Keeps one change from ending every worker that decodes it.  Include after postgres.h.

#include <cstdint>

#include "core/change/position.h"

namespace fraiseql::pg {

// Where workers have ended with an ERROR while decoding.  Plain data, in shared memory.
struct WorkerDeaths {
  uint64_t commit_lsn;  // 0: outside of a change
  uint64_t ordinal;
  int count;  // consecutive, at this place
};

// A step of decoding (encoding a value, testing a condition, looking up a table) may raise, and
// would raise again in each new process.  Only a subtransaction cleans up after an error, and that
// is too expensive for every change.  So a process starts without isolation: an error ends it.  The
// next process knows where that was (WorkerDeaths), and isolates the steps of the changes from
// there on: it cleans up after an error, makes a dead letter of the affected message, and
// continues.
//
// Errors of the server's state (lack of memory for example) may not recur at the next attempt: they
// are re-thrown, unless two processes have ended at this very change.
//
// Main thread only.  Lives in a memory context (see NewInContext) or as long as the process.
class Isolation {
 public:
  enum class Mode : uint8_t { kNever, kAlways };
  explicit Isolation(Mode mode) : remaining_(mode == Mode::kAlways ? INT64_MAX : 0) {}
  explicit Isolation(const WorkerDeaths& deaths);

  // Begins a change, or, with ordinal 0, a transaction: the following steps belong to it.
  void BeginChange(const Position& position);
  // The following steps belong to no transaction.
  void EndTransaction();

  bool on() const { return remaining_ > 0; }

  // Calls `body(argument)`.  Returns null if it returns; if it raised and isolation is on, returns
  // the message, as UTF-8 in the current memory context.  REQUIRES: a transaction, or a decoding
  // callback.
  const char* Try(void (*body)(void* argument), void* argument);

 private:
  int64_t remaining_;  // changes to isolate
  WorkerDeaths deaths_{};
  bool died_here_ = false;  // two processes have ended at the current change
};

// For the end of a process that decodes: records an end by an error.
void CountDeath(WorkerDeaths* deaths);

// The last ERROR that this process logged, or the FATAL that ended it, in the server's encoding;
// empty: none.  REQUIRES: NoteErrors() was called before.
const char* LastError();
void NoteErrors();
// Whether the process ends because its database was dropped before it could connect.  After
// NoteErrors() this is not logged.
bool DatabaseHasGone();

}  // namespace fraiseql::pg
