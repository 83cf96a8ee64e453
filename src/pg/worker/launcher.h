// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Registers the launcher, the one process that runs from the start of the server to its end.  It
// finds the databases that have the extension, like the autovacuum launcher, and keeps the workers
// of each running.  Called once, from _PG_init of the postmaster.
void RegisterLauncher();

// The backend_type of our processes in pg_stat_activity.
constexpr char kLauncherType[] = "fraiseql_nats launcher";
constexpr char kWorkerType[] = "fraiseql_nats worker";

}  // namespace fraiseql::pg
