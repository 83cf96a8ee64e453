// SPDX-License-Identifier: PostgreSQL
#include "config/observer_headers.h"

#include <algorithm>

namespace fraiseql {

namespace {

static_assert(kObserversKey.size() == kObserverListKey.size());

// Tables nest as deep as keys have parts, and are visited by recursion.
constexpr int kMaxDots = 32;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsQuote(char c) { return c == '"' || c == '\''; }

// Scans a TOML text statement by statement, with just enough of the grammar to find the headers:
// strings, comments and brackets.
class HeaderScanner {
 public:
  explicit HeaderScanner(std::string_view text) : text_(text) { separated_.text = text; }

  SeparatedText Run() {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (StartsWith(kByteOrderMark)) at_ = kByteOrderMark.size();
    while (at_ < text_.size()) {
      at_ = AfterBlanks(at_);
      if (StartsWith("[")) ReadHeader();
      SkipStatement();
    }
    return std::move(separated_);
  }

 private:
  bool StartsWith(std::string_view prefix) const {
    return text_.substr(at_, prefix.size()) == prefix;
  }
  char CharacterAt(size_t at) const { return at < text_.size() ? text_[at] : '\n'; }
  size_t AfterBlanks(size_t at) const {
    while (IsBlank(CharacterAt(at))) ++at;
    return at;
  }

  void ReadHeader();
  void SkipStatement();
  void SkipString();
  void SkipMultiLineString(char quote);

  const std::string_view text_;
  size_t at_ = 0;
  bool in_list_ = false;  // the last header of the two was [[observers]]
  SeparatedText separated_;
};

void HeaderScanner::ReadHeader() {
  const bool is_array = StartsWith("[[");
  size_t key = AfterBlanks(at_ + (is_array ? 2 : 1));
  const bool is_quoted = IsQuote(CharacterAt(key));
  if (is_quoted) ++key;
  if (text_.substr(key, kObserversKey.size()) != kObserversKey) return;
  size_t end = key + kObserversKey.size();
  if (is_quoted && CharacterAt(end++) != text_[key - 1]) return;
  end = AfterBlanks(end);
  if (CharacterAt(end) == ']') {
    in_list_ = is_array;
    separated_.has_list |= is_array;
  } else if (CharacterAt(end) != '.') {
    return;  // another key with the same prefix
  }
  if (in_list_) separated_.text.replace(key, kObserverListKey.size(), kObserverListKey);
}

void HeaderScanner::SkipStatement() {
  int depth = 0;
  int dots = 0;  // since a character that a key cannot contain
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (IsQuote(c)) {
      SkipString();
      continue;
    }
    if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      continue;
    }
    ++at_;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == '.' && ++dots > kMaxDots && !separated_.too_deep) separated_.too_deep = at_ - 1;
    if (c != '.' && std::string_view("=,[]{}\n").find(c) != std::string_view::npos) dots = 0;
    if (c == '\n' && depth <= 0) return;
  }
}

void HeaderScanner::SkipString() {
  const char quote = text_[at_];
  if (StartsWith(std::string(3, quote))) {
    SkipMultiLineString(quote);
    return;
  }
  for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
    if (text_[at_] == quote) {
      ++at_;
      return;
    }
    if (text_[at_] == '\\' && quote == '"') ++at_;
  }
}

void HeaderScanner::SkipMultiLineString(char quote) {
  const std::string delimiter(3, quote);
  for (at_ += 3; at_ < text_.size() && !StartsWith(delimiter); ++at_) {
    if (text_[at_] == '\\' && quote == '"') ++at_;
  }
  // One or two more quotes belong to the end of the string.
  for (int i = 0; i < 5 && CharacterAt(at_) == quote; ++i) ++at_;
}

}  // namespace

SeparatedText SeparateObserverHeaders(std::string_view text) { return HeaderScanner(text).Run(); }

}  // namespace fraiseql
