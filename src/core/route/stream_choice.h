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

// Which stream a subject belongs to: this is the only place that decides it.
struct StreamChoice {
  const StreamSubjects* stream = nullptr;   // null: none takes the subject
  const StreamSubjects* another = nullptr;  // takes it as well; null: none does
};

// `subject` may have wildcards, for the values that a template's placeholders stand for: a stream
// takes it that takes all that it can become.
StreamChoice ChooseStream(std::string_view subject, const std::vector<StreamSubjects>& streams);

}  // namespace fraiseql
