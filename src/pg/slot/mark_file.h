// SPDX-License-Identifier: PostgreSQL
#pragma once

// The position up to which all is stored, and the stream mark that belongs to it, kept in the
// slot's directory: they live as long as the slot, and are in no copy of the server that is without
// the slot.  Cheaper than the slot itself, so that less is looked for after a crash.  Include after
// postgres.h.

#include <optional>

#include "core/pipeline/mark_line.h"

namespace fraiseql::pg {

// It is not flushed to disk; what a crash of the system leaves of it is no mark, or an older one.
// False if it cannot be written, with errno.
bool WriteMarkFile(const char* slot, const SettledMark& mark);

// None if there is no mark, or what is there is none.
std::optional<SettledMark> ReadMarkFile(const char* slot);

}  // namespace fraiseql::pg
