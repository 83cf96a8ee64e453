// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>

#include "core/base/counter.h"

namespace fraiseql {

// What was done for one observer; written by the worker of its stream.
struct ObserverCounts {
  Counter published;     // messages that are in the stream, sent by this worker
  Counter bytes;         // of them: subjects, headers and payloads
  Counter filtered;      // changes that its filter or condition did not take
  Counter untestable;    // changes for which it could not be evaluated
  Counter dead_letters;  // messages that became one
  // Not a count: when the last message was acknowledged, in microseconds since 1970; 0: none was.
  Counter last_published_us;

  static constexpr size_t kCounts = 5;  // the members before it
};

}  // namespace fraiseql
