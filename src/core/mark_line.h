// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/stream_mark.h"

namespace fraiseql {

// A stream mark as the worker keeps it in a file, one line:
//
//   1 <stream's time of creation> <sequence> <checksum of what is before it>
//
// REQUIRES: the mark is one of a stream that is known (IsStreamCreated()).
std::string FormatMark(const StreamMark& mark);

// None if the line is damaged, or of another version.
std::optional<StreamMark> ParseMark(std::string_view line);

}  // namespace fraiseql
