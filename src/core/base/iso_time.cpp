// SPDX-License-Identifier: PostgreSQL
#include "core/base/iso_time.h"

#include <cassert>

namespace fraiseql {

namespace {

struct Date {
  int64_t year;
  int month;  // from 1
  int day;
};

// Counts in eras of 400 years that begin on 1 March.
Date DateOfDay(int64_t days) {
  const int64_t z = days + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const auto day_of_era = static_cast<uint32_t>(z - era * 146097);
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const uint32_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), static_cast<int>(month),
          static_cast<int>(day)};
}

// Writes `width` decimal digits and returns the end.
char* PutDigits(uint32_t value, int width, char* at) {
  for (int i = width - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return at + width;
}

char* PutMonthAndDay(const Date& date, char* at) {
  *at++ = '-';
  at = PutDigits(static_cast<uint32_t>(date.month), 2, at);
  *at++ = '-';
  return PutDigits(static_cast<uint32_t>(date.day), 2, at);
}

// Years of more or fewer than four digits occur only in tests.
void AppendYear(int64_t year, std::string* out) {
  const std::string digits = std::to_string(year < 0 ? -year : year);
  if (year < 0) out->push_back('-');
  const size_t width = year < 0 ? 3 : 4;
  if (digits.size() < width) out->append(width - digits.size(), '0');
  out->append(digits);
}

struct Moment {
  int64_t days;
  uint64_t us;  // of the day
};

Moment Split(int64_t unix_us) {
  int64_t days = unix_us / kDayUs;
  int64_t us = unix_us % kDayUs;
  if (us < 0) {
    us += kDayUs;
    --days;
  }
  return {days, static_cast<uint64_t>(us)};
}

// Writes T10:30:00.123456 and returns the end.
char* PutTime(uint64_t us_of_day, char* at) {
  const auto seconds = static_cast<uint32_t>(us_of_day / 1000000);
  *at++ = 'T';
  at = PutDigits(seconds / 3600, 2, at);
  *at++ = ':';
  at = PutDigits(seconds / 60 % 60, 2, at);
  *at++ = ':';
  at = PutDigits(seconds % 60, 2, at);
  *at++ = '.';
  return PutDigits(static_cast<uint32_t>(us_of_day % 1000000), 6, at);
}

}  // namespace

void AppendIsoTime(int64_t unix_us, std::string* out) {
  const Moment moment = Split(unix_us);
  const Date date = DateOfDay(moment.days);
  char text[48];
  char* at = text;
  if (IsIsoDay(moment.days)) {
    at = PutDigits(static_cast<uint32_t>(date.year), 4, at);
  } else {
    AppendYear(date.year, out);
  }
  at = PutTime(moment.us, PutMonthAndDay(date, at));
  *at++ = 'Z';
  out->append(text, static_cast<size_t>(at - text));
}

void AppendIsoDate(int64_t days, std::string* out) {
  assert(IsIsoDay(days));
  const Date date = DateOfDay(days);
  char text[16];
  char* at = PutDigits(static_cast<uint32_t>(date.year), 4, text);
  at = PutMonthAndDay(date, at);
  out->append(text, static_cast<size_t>(at - text));
}

void AppendIsoTimestamp(int64_t unix_us, std::string* out) {
  assert(IsIsoTimestamp(unix_us));
  const Moment moment = Split(unix_us);
  const Date date = DateOfDay(moment.days);
  char text[48];
  char* at = PutDigits(static_cast<uint32_t>(date.year), 4, text);
  at = PutTime(moment.us, PutMonthAndDay(date, at));
  while (at[-1] == '0') --at;  // ends at the dot at the latest
  if (at[-1] == '.') --at;
  out->append(text, static_cast<size_t>(at - text));
}

}  // namespace fraiseql
