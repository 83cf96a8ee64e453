// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Called once, from _PG_init of the postmaster, before InstallDdlHooks(): Postgres calls what was
// registered last first, and a stream that is added with the extension is added after it.
void InstallStreamTable();

}  // namespace fraiseql::pg
