// SPDX-License-Identifier: PostgreSQL
#pragma once

// Postgres counts microseconds since 2000-01-01, messages since 1970-01-01.  Include after
// postgres.h.

extern "C" {
#include "utils/timestamp.h"
}

namespace fraiseql::pg {

constexpr int64 kPostgresToUnixUs =
    (static_cast<int64>(POSTGRES_EPOCH_JDATE) - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

constexpr int64 ToUnixUs(TimestampTz time) { return time + kPostgresToUnixUs; }
constexpr TimestampTz FromUnixUs(int64 us) { return us - kPostgresToUnixUs; }
inline int64 UnixNowUs() { return ToUnixUs(GetCurrentTimestamp()); }

// The length of an interval, with a month of 30 days, as elsewhere in Postgres.
inline int64 IntervalMs(const Interval* interval) {
  const int64 days = int64{interval->month} * DAYS_PER_MONTH + interval->day;
  return days * SECS_PER_DAY * 1000 + interval->time / 1000;
}

}  // namespace fraiseql::pg
