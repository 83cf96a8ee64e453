// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql {

// Returns the value of an environment variable, if it is set.  nullptr: the text comes from a user
// who may not see the environment, not even whether a variable is set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Replaces each ${NAME} by the variable's value and each ${NAME:-default} by its value or, if it is
// unset or empty, by the default, which ends at the next '}'.  Values are not expanded again.
// kInvalid, and `expanded` unchanged: a variable without default is unset, or "${" begins no
// reference.
// REQUIRES: there is an environment.
Status ExpandVariables(std::string_view text, const Environment& environment,
                       std::string* expanded);

// Whether `text` contains "${".
bool HasVariables(std::string_view text);

}  // namespace fraiseql
