// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Called once, from _PG_init of the postmaster, before InstallDdlHooks(): Postgres calls the
// callback that was registered last first, and a stream that is added with the extension must be
// added after it.
void InstallStreamTable();

}  // namespace fraiseql::pg
