// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fraiseql {

// A stream of a database, and the subjects that it takes.
struct StreamSubjects {
  std::string name;  // empty: the default stream
  std::vector<std::string> subjects;
};

// The stream of a subject.  Only this function decides it.
struct StreamChoice {
  const StreamSubjects* stream = nullptr;   // null: no stream takes the subject
  const StreamSubjects* another = nullptr;  // also takes it; null: no other stream does
};

// `subject` may have wildcards, for the values of a template's placeholders: a stream takes it if
// it takes every subject that matches.
StreamChoice ChooseStream(std::string_view subject, const std::vector<StreamSubjects>& streams);

}  // namespace fraiseql
