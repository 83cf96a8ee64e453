// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Registers the launcher, the one process that runs from the start of the server to its end.  It
// finds the databases that have the extension, as autovacuum finds its work, and keeps one worker
// in each.  Called once, from _PG_init of the postmaster.
void RegisterLauncher();

// The types under which pg_stat_activity shows our processes (backend_type).
constexpr char kLauncherType[] = "fraiseql_nats launcher";
constexpr char kWorkerType[] = "fraiseql_nats worker";

}  // namespace fraiseql::pg
