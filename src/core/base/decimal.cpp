// SPDX-License-Identifier: PostgreSQL
#include "core/base/decimal.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace fraiseql {

namespace {

constexpr int64_t kMaxExponent = 9'999'999'999;

size_t CountDigits(std::string_view text) {
  const size_t end = text.find_first_not_of("0123456789");
  return end == std::string_view::npos ? text.size() : end;
}

// Removes the counted digits from the front of `text` and returns them.
std::string_view Take(size_t count, std::string_view* text) {
  const std::string_view taken = text->substr(0, count);
  text->remove_prefix(count);
  return taken;
}

bool TakeIfOneOf(std::string_view characters, std::string_view* text) {
  if (text->empty() || characters.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

// A number split into its parts: 0.d1d2d3... * 10^exponent, where the digits are those of `integer`
// followed by those of `fraction`; d1 is 0 only if the number is 0.
struct Decimal {
  bool negative = false;
  std::string_view integer, fraction;
  int64_t exponent = 0;

  size_t size() const { return integer.size() + fraction.size(); }
  char digit(size_t i) const {
    if (i < integer.size()) return integer[i];
    i -= integer.size();
    return i < fraction.size() ? fraction[i] : '0';
  }
  bool is_zero() const { return size() == 0; }
};

void DropLeadingZeros(Decimal* number) {
  while (TakeIfOneOf("0", &number->integer)) {
  }
  number->exponent += static_cast<int64_t>(number->integer.size());
  if (!number->integer.empty()) return;
  while (TakeIfOneOf("0", &number->fraction)) --number->exponent;
}

bool ParseExponent(std::string_view text, int64_t* exponent) {
  const bool negative = !text.empty() && text.front() == '-';
  TakeIfOneOf("+-", &text);
  if (text.empty() || CountDigits(text) != text.size()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *exponent);
  if (error != std::errc() || *exponent > kMaxExponent) *exponent = kMaxExponent;
  if (negative) *exponent = -*exponent;
  return true;
}

bool ParseDecimal(std::string_view text, Decimal* number) {
  number->negative = TakeIfOneOf("-", &text);
  number->integer = Take(CountDigits(text), &text);
  if (number->integer.empty() || (number->integer.size() > 1 && number->integer[0] == '0')) {
    return false;
  }
  if (TakeIfOneOf(".", &text)) {
    number->fraction = Take(CountDigits(text), &text);
    if (number->fraction.empty()) return false;
  }
  if (TakeIfOneOf("eE", &text)) {
    if (!ParseExponent(text, &number->exponent)) return false;
    text = {};
  }
  DropLeadingZeros(number);
  return text.empty();
}

int CompareMagnitudes(const Decimal& a, const Decimal& b) {
  if (a.is_zero() || b.is_zero())
    return static_cast<int>(b.is_zero()) - static_cast<int>(a.is_zero());
  if (a.exponent != b.exponent) return a.exponent < b.exponent ? -1 : 1;
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (a.digit(i) != b.digit(i)) return a.digit(i) < b.digit(i) ? -1 : 1;
  }
  return 0;
}

}  // namespace

bool IsJsonNumber(std::string_view text) {
  Decimal number;
  return ParseDecimal(text, &number);
}

int CompareJsonNumbers(std::string_view a, std::string_view b) {
  Decimal x, y;
  ParseDecimal(a, &x);
  ParseDecimal(b, &y);
  const int magnitudes = CompareMagnitudes(x, y);
  if (x.negative == y.negative) return x.negative ? -magnitudes : magnitudes;
  if (x.is_zero() && y.is_zero()) return 0;
  return x.negative ? -1 : 1;
}

}  // namespace fraiseql
