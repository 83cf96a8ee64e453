// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fraiseql {

// Whether `wide` matches every subject that `narrow` matches; both may have wildcards.
bool Covers(std::string_view wide, std::string_view narrow);

// The subjects of a stream, prepared for testing whether it takes a message.
class SubjectSet {
 public:
  SubjectSet() = default;
  explicit SubjectSet(std::vector<std::string> patterns);

  // Whether one of them matches a subject without wildcards; true if the set is empty.
  bool Takes(std::string_view subject) const;

 private:
  std::vector<std::string> prefixes_;  // of those like "a.b.>": "a.b."
  std::vector<std::string> patterns_;  // all others
};

// `subjects` and `added` as one set in which none covers another, as streams require; it matches
// all that either matches.  Existing subjects keep their order.
std::vector<std::string> Union(std::vector<std::string> subjects,
                               const std::vector<std::string>& added);

}  // namespace fraiseql
