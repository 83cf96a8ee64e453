// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Whether this session restores a dump: pg_restore, and psql with the output of pg_dump, switch off
// check_function_bodies and row_security before anything else.  The role must own the database, so
// that other roles cannot keep changes from being published by the same settings.
bool IsRestoring();

// Writes a mark into the log, once per transaction of such a session: the rows after it are loaded
// from a dump and are not published.  Called before a statement that writes rows; cheap in other
// sessions.  May raise.
void MarkRestore();

// Called once, from _PG_init of the postmaster.
void InstallRestoreMark();

}  // namespace fraiseql::pg
