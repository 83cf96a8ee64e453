// SPDX-License-Identifier: PostgreSQL
#include "core/route/topic.h"

#include "core/route/subject.h"

namespace fraiseql {

bool IsTopic(std::string_view name) {
  return !name.empty() && name.find_first_of(".{}") == std::string_view::npos;
}

void AppendTopicType(std::string_view topic, std::string* out) {
  const size_t first = topic.find('_');
  // A '_' at either end separates nothing.
  if (first == std::string_view::npos || first == 0 || first + 1 == topic.size()) {
    AppendSubjectToken(topic, out);
    return;
  }
  AppendSubjectToken(topic.substr(0, first), out);
  out->push_back('.');
  AppendSubjectToken(topic.substr(first + 1), out);
}

void AppendTopicSubject(std::string_view prefix, std::string_view topic, std::string* out) {
  out->append(prefix).push_back('.');
  AppendTopicType(topic, out);
}

}  // namespace fraiseql
