// SPDX-License-Identifier: PostgreSQL
#pragma once

// What check() finds in this server.  Include after postgres.h.

#include "pg/check/findings.h"

namespace fraiseql::pg {

// Library, settings of the server, replication slots, and the workers of this database.
void CheckServer(Findings* findings);

}  // namespace fraiseql::pg
