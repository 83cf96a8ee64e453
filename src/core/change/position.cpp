// SPDX-License-Identifier: PostgreSQL
#include "core/change/position.h"

#include <charconv>

#include "core/base/number.h"

namespace fraiseql {

namespace {
constexpr size_t kMaxLsn = 8 + 1 + 8;

char* PutLsn(uint64_t lsn, char* at) {
  at = PutHex(lsn >> 32, 1, at);
  *at++ = '/';
  return PutHex(lsn & 0xFFFFFFFFu, 1, at);
}

template <typename Integer>
bool TakeNumber(int base, std::string_view* text, Integer* number) {
  const char* const end = text->data() + text->size();
  const auto [after, error] = std::from_chars(text->data(), end, *number, base);
  text->remove_prefix(static_cast<size_t>(after - text->data()));
  return error == std::errc();
}

bool TakeSign(char sign, std::string_view* text) {
  if (text->empty() || text->front() != sign) return false;
  text->remove_prefix(1);
  return true;
}

}  // namespace

void AppendLsn(uint64_t lsn, std::string* out) {
  char text[kMaxLsn];
  out->append(text, static_cast<size_t>(PutLsn(lsn, text) - text));
}

void AppendPosition(const Position& position, std::string* out) {
  char text[kMaxLsn + 2 * (1 + kMaxDecimal)];
  char* at = PutLsn(position.commit_lsn, text);
  *at++ = ':';
  at = PutDecimal(position.ordinal, at);
  if (position.route > 0) {
    *at++ = ':';
    at = PutDecimal(position.route, at);
  }
  out->append(text, static_cast<size_t>(at - text));
}

bool ParsePosition(std::string_view text, Position* position) {
  uint32_t high = 0;
  uint32_t low = 0;
  *position = {};
  if (!TakeNumber(16, &text, &high) || !TakeSign('/', &text) || !TakeNumber(16, &text, &low) ||
      !TakeSign(':', &text) || !TakeNumber(10, &text, &position->ordinal)) {
    return false;
  }
  position->commit_lsn = uint64_t{high} << 32 | low;
  if (TakeSign(':', &text) && !TakeNumber(10, &text, &position->route)) return false;
  return text.empty();
}

}  // namespace fraiseql
