// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fraiseql::nats {

// Whether every subject that `narrow` matches is matched by `wide`; both may have wildcards.
bool Covers(std::string_view wide, std::string_view narrow);

// `subjects` and `added` as one set in which none covers another, as streams want it: nothing that
// was matched before is lost.  What is there already keeps its place.
std::vector<std::string> Union(std::vector<std::string> subjects,
                               const std::vector<std::string>& added);

}  // namespace fraiseql::nats
