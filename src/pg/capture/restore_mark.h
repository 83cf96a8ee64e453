// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Whether this session restores a dump: pg_restore, and psql with what pg_dump wrote, switch off
// check_function_bodies and row_security before anything else; and its role owns the database, so
// that nobody else keeps its changes from being published by doing the same.
bool IsRestoring();

// Writes into the log, once for a transaction of such a session, that rows which follow are loaded
// from a dump: they are not published.  To be called before a statement that writes rows; cheap in
// other sessions.  May raise.
void MarkRestore();

// Called once, from _PG_init of the postmaster.
void InstallRestoreMark();

}  // namespace fraiseql::pg
