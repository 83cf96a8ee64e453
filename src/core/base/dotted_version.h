// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>

namespace fraiseql {

// Negative if `a` comes before `b`, 0 if they are equal, positive if `a` comes after `b`.  "1.9" is
// before "1.10", and "1" equals "1.0".  A character that is not a digit ends the digits of a part;
// the rest of the part is ignored.
int CompareVersions(std::string_view a, std::string_view b);

}  // namespace fraiseql
