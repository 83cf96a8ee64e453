// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql {

// Appends header lines as a JSON object of strings.  Consecutive lines of the same name, which
// carry the values of one header, become an array.
void AppendHeadersAsJson(std::string_view headers, std::string* json);

}  // namespace fraiseql
