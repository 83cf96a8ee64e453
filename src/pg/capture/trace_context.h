// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Writes fraiseql_nats.traceparent into the log before the first change of a statement of the
// transaction, if the session has set it; otherwise costs one comparison per statement.  Called
// once, from _PG_init of the postmaster.
void InstallTraceContext();

// The same for changes outside of such statements, for example by publish().
void LogTraceContext();

}  // namespace fraiseql::pg
