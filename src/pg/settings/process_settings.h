// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Takes from this process what ALTER SYSTEM, ALTER DATABASE and ALTER ROLE have set for sessions:
// roles, limits of time, kinds of transactions.  To be called by each process of ours, once it has
// connected; a reload changes nothing of it.
void PinProcessSettings();

}  // namespace fraiseql::pg
