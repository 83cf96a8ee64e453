// SPDX-License-Identifier: PostgreSQL
#include "core/base/header_json.h"

#include "core/base/json_text.h"

namespace fraiseql {

namespace {

struct Line {
  std::string_view name;
  std::string_view value;
};

// Takes the first line off; false if there is none.
bool TakeLine(std::string_view* headers, Line* line) {
  const size_t end = headers->find("\r\n");
  if (end == std::string_view::npos) return false;
  const std::string_view text = headers->substr(0, end);
  headers->remove_prefix(end + 2);
  const size_t colon = text.find(": ");
  line->name = text.substr(0, colon);
  line->value = colon == std::string_view::npos ? "" : text.substr(colon + 2);
  return true;
}

}  // namespace

void AppendHeadersAsJson(std::string_view headers, std::string* json) {
  json->push_back('{');
  Line line;
  Line next;
  const char* separator = "";
  for (bool more = TakeLine(&headers, &line); more; line = next) {
    more = TakeLine(&headers, &next);
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
      more = TakeLine(&headers, &next);
    }
    if (several) json->push_back(']');
  }
  json->push_back('}');
}

}  // namespace fraiseql
