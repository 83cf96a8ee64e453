// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fraiseql::nats {

// The servers of a comma-separated list, without blanks around them and without empty ones.
std::vector<std::string> SplitServers(std::string_view list);

// `text`, be it a URL, a list of them or a sentence with one in it, without "user:password@", so
// that it may be shown.
std::string WithoutUserInfo(std::string_view text);

}  // namespace fraiseql::nats
