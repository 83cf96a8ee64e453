// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>

namespace fraiseql {

// Negative if `a` comes before `b`, 0 if they are the same, positive if it comes behind.  "1.9" is
// before "1.10", and "1" is the same as "1.0".  What is not digits ends a part, and does not count.
int CompareVersions(std::string_view a, std::string_view b);

}  // namespace fraiseql
