// SPDX-License-Identifier: PostgreSQL
#include "core/route/subject_set.h"

#include <algorithm>
#include <utility>

namespace fraiseql {

namespace {

// Removes the first token from `subject`.
std::string_view NextToken(std::string_view* subject) {
  const std::string_view token = subject->substr(0, subject->find('.'));
  subject->remove_prefix(std::min(subject->size(), token.size() + 1));
  return token;
}

}  // namespace

bool Covers(std::string_view wide, std::string_view narrow) {
  while (!wide.empty() && !narrow.empty()) {
    const std::string_view pattern = NextToken(&wide);
    const std::string_view token = NextToken(&narrow);
    if (pattern == ">") return true;
    if (token == ">" || (pattern != "*" && pattern != token)) return false;
  }
  return wide.empty() && narrow.empty();
}

SubjectSet::SubjectSet(std::vector<std::string> patterns) {
  for (std::string& pattern : patterns) {
    const size_t last = pattern.size() - 1;
    if (pattern.find_first_of("*>") == last && pattern[last] == '>') {
      prefixes_.push_back(pattern.substr(0, last));
    } else {
      patterns_.push_back(std::move(pattern));
    }
  }
}

bool SubjectSet::Takes(std::string_view subject) const {
  if (prefixes_.empty() && patterns_.empty()) return true;
  const auto begins = [=](const std::string& prefix) {
    return subject.size() > prefix.size() && subject.compare(0, prefix.size(), prefix) == 0;
  };
  return std::any_of(prefixes_.begin(), prefixes_.end(), begins) ||
         std::any_of(patterns_.begin(), patterns_.end(),
                     [=](const std::string& pattern) { return Covers(pattern, subject); });
}

std::vector<std::string> Union(std::vector<std::string> subjects,
                               const std::vector<std::string>& added) {
  for (const std::string& subject : added) {
    const auto covers = [&](const std::string& present) { return Covers(present, subject); };
    if (std::any_of(subjects.begin(), subjects.end(), covers)) continue;
    const auto covered = [&](const std::string& present) { return Covers(subject, present); };
    subjects.erase(std::remove_if(subjects.begin(), subjects.end(), covered), subjects.end());
    subjects.push_back(subject);
  }
  return subjects;
}

}  // namespace fraiseql
