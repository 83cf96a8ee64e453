// SPDX-License-Identifier: PostgreSQL
#pragma once

// What check() finds in this server.  Include after postgres.h.

#include "pg/check/findings.h"

namespace fraiseql::pg {

// Library, settings of the server and replication slots.
void CheckServer(Findings* findings);

// The workers of this database, and what they could not publish.  If the broker is known to fail,
// does not repeat that a worker waits for it.
void CheckWorkers(Findings* findings, bool broker_fails);

}  // namespace fraiseql::pg
