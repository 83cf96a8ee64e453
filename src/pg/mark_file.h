// SPDX-License-Identifier: PostgreSQL
#pragma once

// The stream mark that belongs to a slot's position, kept in the slot's directory: it lives as long
// as the slot, and is in no copy of the server that is without the slot.  Include after postgres.h.

#include <optional>

#include "core/stream_mark.h"

namespace fraiseql::pg {

// A mark may be older than the slot's position on disk, never newer: write it after the slot.  It
// is not flushed to disk; what a crash of the system leaves of it is no mark, or an older one.
// False if it cannot be written, with errno.
bool WriteMarkFile(const char* slot, const StreamMark& mark);

// None if there is no mark, or what is there is none.
std::optional<StreamMark> ReadMarkFile(const char* slot);

}  // namespace fraiseql::pg
