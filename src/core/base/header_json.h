// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql {

// Appends header lines as a JSON object of strings.  Lines of one name that follow each other,
// which is how several values of a header are sent, become an array.
void AppendHeadersAsJson(std::string_view headers, std::string* json);

}  // namespace fraiseql
