// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>
#include <vector>

namespace fraiseql {

// The one of `names` that `name` is most likely a misspelling of, or nothing if none is near.
std::string_view NearestName(std::string_view name, const std::vector<std::string_view>& names);

}  // namespace fraiseql
