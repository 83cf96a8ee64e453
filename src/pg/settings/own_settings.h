// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace fraiseql::pg {

// Settings that a stream has of its own: names without prefix, and values.
using OwnSettings = std::vector<std::pair<std::string, std::string>>;

// Puts them in force in this process, over all that is written elsewhere.  kInvalid with the name of
// one that is refused.
Status ApplyOwnSettings(const OwnSettings& settings);

}  // namespace fraiseql::pg
