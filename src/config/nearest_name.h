// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>
#include <vector>

namespace fraiseql {

// The one of `names` of which `name` is most likely a misspelling, or nothing if none is similar.
std::string_view NearestName(std::string_view name, const std::vector<std::string_view>& names);

}  // namespace fraiseql
