// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>

namespace fraiseql {

// Numbers as JSON writes them: -12, 0.50, 1e+20.  Compared digit by digit, so that neither 2^53 nor
// the scale of a numeric makes a difference.

bool IsJsonNumber(std::string_view text);

// Negative, zero or positive as `a` is less than, equal to or greater than `b`.  An exponent beyond
// ten digits counts as one of ten digits.  REQUIRES: IsJsonNumber() of both.
int CompareJsonNumbers(std::string_view a, std::string_view b);

}  // namespace fraiseql
