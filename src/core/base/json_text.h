// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql {

// JSON, appended as text: no tree, no allocation of its own.  Input is UTF-8.

// Appends `text` as a JSON string, with its quotes.
void AppendJsonString(std::string_view text, std::string* out);

// Appends the text of the JSON value `json`: the contents of a string without its escapes, nothing
// for null, any other value unchanged.
void AppendJsonValueAsText(std::string_view json, std::string* out);

}  // namespace fraiseql
