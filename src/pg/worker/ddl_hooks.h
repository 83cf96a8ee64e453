// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Notices CREATE and DROP EXTENSION when they commit, and makes the worker leave a database that a
// session wants to drop, rename, move or copy: the worker's connection and slot would prevent it.
// Called once, from _PG_init of the postmaster.
void InstallDdlHooks();

}  // namespace fraiseql::pg
