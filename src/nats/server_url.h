// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fraiseql::nats {

// The servers of a comma-separated list, without blanks around them and without empty ones.
std::vector<std::string> SplitServers(std::string_view list);

// `text`, be it a URL, a list of them or a sentence with one in it, without "user:password@", so
// that it may be shown.  The one way to show a URL: whatever characters a password has, and
// wherever it stands by mistake, nothing of it is left; rather a host is hidden, too.
std::string WithoutUserInfo(std::string_view text);

}  // namespace fraiseql::nats
