// SPDX-License-Identifier: PostgreSQL
#pragma once

// The position up to which everything is stored, and its stream mark, in a file in the slot's
// directory: the file lives as long as the slot, and a copy of the server without the slot does not
// have it.  Writing it is cheaper than saving the slot, so it is written more often, and less of
// the stream has to be read after a crash.  Include after postgres.h.

#include <optional>

#include "core/pipeline/mark_line.h"

namespace fraiseql::pg {

// Unless it is flushed, after a crash of the system the file holds no valid mark, or an older one.
// False if it cannot be written, with errno.
bool WriteMarkFile(const char* slot, const SettledMark& mark, bool flush);

// None if the file does not exist, or does not hold a valid mark.
std::optional<SettledMark> ReadMarkFile(const char* slot);

}  // namespace fraiseql::pg
