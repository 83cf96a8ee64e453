// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>

namespace fraiseql {

// Times as text in ISO 8601, in the proleptic Gregorian calendar, in UTC.  Times are microseconds
// since 1970-01-01 00:00, dates are days since then.

// Appends 2026-01-15T10:30:00.123456Z, always with six digits of microseconds.
void AppendIsoTime(int64_t unix_us, std::string* out);

// The range of the next two functions: years 1 to 9999.
constexpr int64_t kFirstIsoDay = -719162;
constexpr int64_t kLastIsoDay = 2932896;
constexpr int64_t kDayUs = 86400LL * 1000000;
constexpr bool IsIsoDay(int64_t days) { return days >= kFirstIsoDay && days <= kLastIsoDay; }
constexpr bool IsIsoTimestamp(int64_t unix_us) {
  return unix_us >= kFirstIsoDay * kDayUs && unix_us < (kLastIsoDay + 1) * kDayUs;
}

// Appends 2026-01-15.  REQUIRES: IsIsoDay(days).
void AppendIsoDate(int64_t days, std::string* out);

// Appends 2026-01-15T10:30:00.1234, as to_jsonb() writes a timestamp: without trailing zeros of the
// microseconds, and without the dot if there are none.  REQUIRES: IsIsoTimestamp(unix_us).
void AppendIsoTimestamp(int64_t unix_us, std::string* out);

}  // namespace fraiseql
