// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>
#include <string>

namespace fraiseql::pg {

// Identifies an observer in shared memory; never 0.  `name` is UTF-8.
uint64_t ObserverHash(const std::string& name);

}  // namespace fraiseql::pg
