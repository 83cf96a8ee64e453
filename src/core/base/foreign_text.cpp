// SPDX-License-Identifier: PostgreSQL
#include "core/base/foreign_text.h"

#include <algorithm>

#include "core/base/ascii.h"
#include "core/base/number.h"

namespace fraiseql {

namespace {

constexpr std::string_view kCut = "...";
constexpr size_t kEscaped = 4;  // \x1B

bool IsPrintable(char c) { return IsAscii(c) && !IsControl(c); }

}  // namespace

std::string ForeignText(std::string_view text, size_t limit) {
  std::string shown;
  for (const char c : text) {
    if (shown.size() + kEscaped > limit) {
      shown.resize(limit > kCut.size() ? std::min(shown.size(), limit - kCut.size()) : 0);
      return shown.append(kCut);
    }
    if (IsPrintable(c)) {
      shown.push_back(c);
    } else {
      shown.append("\\x");
      AppendHex(static_cast<unsigned char>(c), 2, &shown);
    }
  }
  return shown;
}

bool IsPlainText(std::string_view text, size_t limit) {
  return text.size() <= limit && std::none_of(text.begin(), text.end(), IsControl);
}

}  // namespace fraiseql
