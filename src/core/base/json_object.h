// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

namespace fraiseql {

// The facts about a JSON object that are needed to add members to it, without a tree.
struct JsonObject {
  bool valid = false;          // the text is one JSON object and nothing else
  bool empty = false;          // it has no member
  bool has_type = false;       // as a top-level member
  bool has_timestamp = false;  // as a top-level member
  size_t body = 0;             // where its first member begins, after the brace
};

// Scans `text`, which need not be JSON.
JsonObject ScanJsonObject(std::string_view text);

// Appends `payload`, with "type" and "timestamp" before its members if it is a JSON object that
// lacks them; any other payload is appended unchanged.
void AppendEnriched(std::string_view payload, std::string_view type, std::string_view timestamp,
                    std::string* out);

}  // namespace fraiseql
