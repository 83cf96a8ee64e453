// SPDX-License-Identifier: PostgreSQL
#pragma once

// Settings that database, role, session and ALTER SYSTEM do not change for us.  Include after
// postgres.h.

namespace fraiseql::pg {

// Makes the values that this process writes, and the expressions that it reads, independent of what
// database, role or session have set, for the time of a GUC nest level if `nest_level` is true,
// else for good.
void PinSettings(bool nest_level);

// Takes from this process what ALTER SYSTEM, ALTER DATABASE and ALTER ROLE have set for sessions:
// roles, limits of time, kinds of transactions.  To be called by each process of ours, once it has
// connected; a reload changes nothing of it.
void PinProcessSettings();

}  // namespace fraiseql::pg
