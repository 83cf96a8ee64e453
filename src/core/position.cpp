// SPDX-License-Identifier: PostgreSQL
#include "core/position.h"

#include "core/number.h"

namespace fraiseql {

void AppendLsn(uint64_t lsn, std::string* out) {
  AppendHex(lsn >> 32, 1, out);
  out->push_back('/');
  AppendHex(lsn & 0xFFFFFFFFu, 1, out);
}

void AppendPosition(const Position& position, std::string* out) {
  AppendLsn(position.commit_lsn, out);
  out->push_back(':');
  AppendDecimal(position.ordinal, out);
  if (position.route > 0) {
    out->push_back(':');
    AppendDecimal(position.route, out);
  }
}

}  // namespace fraiseql
