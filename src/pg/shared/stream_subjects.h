// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <string>

#include "core/route/observer.h"

namespace fraiseql::pg {

// Warns if the stream of this database, as its worker has last seen it, does not take a subject (or
// all subjects of a pattern with wildcards).  Says nothing while that is not known.  May raise.
void WarnIfNotTaken(const std::string& subject);

// The same for all that an observer sends; `table` is the name of its table, or null.
void WarnIfNotTaken(const Observer& observer, const char* table);

}  // namespace fraiseql::pg
