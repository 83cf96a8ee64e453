// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace fraiseql::pg {

// The own settings of a stream: names without prefix, and values.
using OwnSettings = std::vector<std::pair<std::string, std::string>>;

// Applies the settings in this process, over all other sources.  kInvalid with the name of a
// setting that is refused.
Status ApplyOwnSettings(const OwnSettings& settings);

// Applies the settings in this session until the end of the GUC nest level, which every error ends,
// too.  Raises if a setting is refused.
void ApplyOwnSettingsForNow(const OwnSettings& settings);

}  // namespace fraiseql::pg
