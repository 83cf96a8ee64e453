// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql {

// What one needs to know of a JSON object to add to it, without a tree.
struct JsonObject {
  bool valid = false;          // the text is one JSON object and nothing else
  bool empty = false;          // it has no member
  bool has_type = false;       // at the top
  bool has_timestamp = false;  // at the top
  size_t body = 0;             // where its first member begins, behind the brace
};

// Looks through `text`, which need not be JSON at all.
JsonObject ScanJsonObject(std::string_view text);

// Appends `payload`, with "type" and "timestamp" before its members if it is a JSON object that
// lacks them; anything else as it is.
void AppendEnriched(std::string_view payload, std::string_view type, std::string_view timestamp,
                    std::string* out);

}  // namespace fraiseql
