// SPDX-License-Identifier: PostgreSQL
#pragma once

// Settings on which database, role, session and ALTER SYSTEM have no effect in our processes.
// Include after postgres.h.

namespace fraiseql::pg {

// Makes the values that this process writes, and the expressions that it evaluates, independent of
// the settings of database, role and session: until the end of the GUC nest level if `nest_level`
// is true, else permanently.
void PinSettings(bool nest_level);

// Overrides what ALTER SYSTEM, ALTER DATABASE and ALTER ROLE have set for sessions: roles,
// timeouts, transaction modes.  Each of our processes calls it once, after it has connected; a
// reload does not undo it.
void PinProcessSettings();

}  // namespace fraiseql::pg
