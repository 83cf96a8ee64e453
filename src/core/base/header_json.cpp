// SPDX-License-Identifier: PostgreSQL
#include "core/base/header_json.h"

#include "core/base/header_line.h"
#include "core/base/json_text.h"

namespace fraiseql {

void AppendHeadersAsJson(std::string_view headers, std::string* json) {
  json->push_back('{');
  HeaderLine line;
  HeaderLine next;
  const char* separator = "";
  for (bool more = TakeHeaderLine(&headers, &line); more; line = next) {
    more = TakeHeaderLine(&headers, &next);
    json->append(separator);
    separator = ",";
    AppendJsonString(line.name, json);
    json->push_back(':');
    const bool several = more && next.name == line.name;
    if (several) json->push_back('[');
    AppendJsonString(line.value, json);
    while (more && next.name == line.name) {
      json->push_back(',');
      AppendJsonString(next.value, json);
      more = TakeHeaderLine(&headers, &next);
    }
    if (several) json->push_back(']');
  }
  json->push_back('}');
}

}  // namespace fraiseql
