// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "datatype/timestamp.h"
}

namespace fraiseql::pg {

// From microseconds since 2000-01-01, as Postgres counts, to those since 1970-01-01.
constexpr int64 kPostgresToUnixUs =
    (static_cast<int64>(POSTGRES_EPOCH_JDATE) - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

}  // namespace fraiseql::pg
