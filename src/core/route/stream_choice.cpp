// SPDX-License-Identifier: PostgreSQL
#include "core/route/stream_choice.h"

#include <algorithm>

#include "core/route/subject_set.h"

namespace fraiseql {

StreamChoice ChooseStream(std::string_view subject, const std::vector<StreamSubjects>& streams) {
  StreamChoice choice;
  for (const StreamSubjects& stream : streams) {
    const bool takes = std::any_of(stream.subjects.begin(), stream.subjects.end(),
                                   [=](const std::string& s) { return Covers(s, subject); });
    if (!takes) continue;
    if (choice.stream == nullptr) {
      choice.stream = &stream;
    } else if (choice.another == nullptr) {
      choice.another = &stream;
    }
  }
  return choice;
}

}  // namespace fraiseql
