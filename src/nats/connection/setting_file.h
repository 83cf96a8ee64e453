// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// Reads the file that the setting `setting` names, a few kilobytes at most, without blanks and line
// breaks at its end.  kInvalid, with setting, file and reason, on failure.
Status ReadSettingFile(std::string_view setting, const std::string& path, std::string* content);

}  // namespace fraiseql::nats
