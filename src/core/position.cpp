// SPDX-License-Identifier: PostgreSQL
#include "core/position.h"

#include "core/number.h"

namespace fraiseql {

namespace {
constexpr size_t kMaxLsn = 8 + 1 + 8;

char* PutLsn(uint64_t lsn, char* at) {
  at = PutHex(lsn >> 32, 1, at);
  *at++ = '/';
  return PutHex(lsn & 0xFFFFFFFFu, 1, at);
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

}  // namespace fraiseql
