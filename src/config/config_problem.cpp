// SPDX-License-Identifier: PostgreSQL
#include "config/config_problem.h"

#include <string_view>

#include "core/base/utf8.h"

namespace fraiseql {

namespace {

constexpr size_t kMaxProblems = 100;
constexpr size_t kMaxBytes = 500;

// Terminals obey the control characters of ASCII, and those from U+0080 to U+009F.
void ReplaceControls(std::string* text) {
  for (size_t i = 0; i < text->size(); ++i) {
    const auto c = static_cast<unsigned char>((*text)[i]);
    if (c < ' ' || c == 127) (*text)[i] = '?';
    const bool has_next = i + 1 < text->size();
    if (c == 0xC2 && has_next && static_cast<unsigned char>((*text)[i + 1]) < 0xA0) {
      text->replace(i, 2, "?");
    }
  }
}

void Cut(std::string* text) {
  constexpr std::string_view kCut = "...";
  if (text->size() <= kMaxBytes) return;
  size_t end = kMaxBytes - kCut.size();
  while (end > 0 && ContinuesCharacter((*text)[end])) --end;
  text->resize(end);
  text->append(kCut);
}

}  // namespace

void MakeFit(std::vector<ConfigProblem>* problems) {
  const size_t count = problems->size();
  if (count > kMaxProblems) {
    problems->resize(kMaxProblems - 1);
    problems->push_back({problems->back().source,
                         {},
                         "there are " + std::to_string(count - kMaxProblems + 1) + " more problems",
                         "Correct the others first."});
  }
  for (ConfigProblem& problem : *problems) {
    for (std::string* text : {&problem.source, &problem.reason, &problem.hint}) {
      ReplaceControls(text);
      Cut(text);
    }
  }
}

}  // namespace fraiseql
