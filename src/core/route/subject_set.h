// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fraiseql {

// Whether every subject that `narrow` matches is matched by `wide`; both may have wildcards.
bool Covers(std::string_view wide, std::string_view narrow);

// The subjects of a stream, made ready for the question whether it takes a message.
class SubjectSet {
 public:
  SubjectSet() = default;
  explicit SubjectSet(std::vector<std::string> patterns);

  // Whether one of them matches a subject without wildcards; true if there is none.
  bool Takes(std::string_view subject) const;

 private:
  std::vector<std::string> prefixes_;  // of those like "a.b.>": "a.b."
  std::vector<std::string> patterns_;  // all others
};

// `subjects` and `added` as one set in which none covers another, as streams want it: nothing that
// was matched before is lost.  What is there already keeps its place.
std::vector<std::string> Union(std::vector<std::string> subjects,
                               const std::vector<std::string>& added);

}  // namespace fraiseql
