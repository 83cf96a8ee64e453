// SPDX-License-Identifier: PostgreSQL
#pragma once

// The statistics while the server is down: a file with a checksum, written at the end of the server
// and removed at its start, so that after a crash there is none.  In the postmaster only.

namespace fraiseql::pg {

// Failures are logged, and there is no file then.
void SaveStats();

// Without a valid file the statistics stay as they are: empty.
void LoadStats();

}  // namespace fraiseql::pg
