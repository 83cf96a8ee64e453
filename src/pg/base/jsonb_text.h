// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <string>

extern "C" {
#include "utils/jsonb.h"
}

namespace fraiseql::pg {

// Appends a jsonb value as the server's own output function writes it, in UTF-8.  What it allocates
// from Postgres is left in the current memory context; may raise.
void AppendJsonb(JsonbContainer* container, std::string* out);

}  // namespace fraiseql::pg
