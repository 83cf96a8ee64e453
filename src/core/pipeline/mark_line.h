// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/change/position.h"
#include "core/pipeline/stream_mark.h"

namespace fraiseql {

// A stream mark, and the position for which it holds.
struct SettledMark {
  StreamMark mark;
  uint64_t settled_lsn = 0;  // what committed before it is stored, or a dead letter
  Position through;          // and so is what comes up to and with this one; zero: not known
  uint64_t seen = 0;         // the stream was that long then; at least up to the mark
};

// It as the worker keeps it in a file, one line:
//
//   3 <stream's time of creation> <sequence> <length of the stream> <LSN>
//     <position: LSN, ordinal, route> <checksum of what is before it>
//
// with all numbers decimal.
//
// REQUIRES: the mark is one of a stream that is known (IsStreamCreated()).
std::string FormatMark(const SettledMark& settled);

// None if the line is damaged, or of another version.
std::optional<SettledMark> ParseMark(std::string_view line);

}  // namespace fraiseql
