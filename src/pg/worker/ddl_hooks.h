// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Notices CREATE and DROP EXTENSION when they commit, and has the worker leave a database that
// somebody wants to drop, rename, move or copy: the worker's connection and slot would forbid it.
// Called once, from _PG_init of the postmaster.
void InstallDdlHooks();

}  // namespace fraiseql::pg
