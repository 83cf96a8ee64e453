// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/change/position.h"
#include "core/pipeline/stream_mark.h"

namespace fraiseql {

// A stream mark, and the positions for which it holds.
struct SettledMark {
  StreamMark mark;
  uint64_t settled_lsn = 0;  // all transactions committed before it are stored, or dead letters
  Position through;          // so are all messages up to this one, inclusive; zero: not known
  uint64_t seen = 0;         // length of the stream at that time; not less than the mark
  BatchMark batch = {};      // in use then
};

// The format of the worker's file is one line:
//
//   4 <stream's time of creation> <batch's subject, or "-"> <batch's id> <sequence>
//     <length of the stream> <LSN> <position: LSN, ordinal, route> <checksum of what is before it>
//
// All numbers are decimal.
//
// REQUIRES: the mark names its stream (IsStreamCreated()), and its batch a subject
// (IsMarkedSubject()).
std::string FormatMark(const SettledMark& settled);

// Nothing if the line is damaged or of another version.
std::optional<SettledMark> ParseMark(std::string_view line);

}  // namespace fraiseql
