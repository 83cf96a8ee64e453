// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <string>

extern "C" {
#include "utils/jsonb.h"
}

namespace fraiseql::pg {

// Appends a jsonb value in the format of the server's output function, in UTF-8.  Memory that it
// allocates from Postgres stays in the current memory context; may raise.
void AppendJsonb(JsonbContainer* container, std::string* out);

}  // namespace fraiseql::pg
