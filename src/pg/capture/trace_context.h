// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Writes fraiseql_nats.traceparent into the log before the first change that a statement of the
// transaction makes, if the session has set it; costs a comparison per statement if not.  Called
// once, from _PG_init of the postmaster.
void InstallTraceContext();

// The same for changes that are no statement's own, such as publish().
void LogTraceContext();

}  // namespace fraiseql::pg
