// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Raises unless the text is one SQL expression, which in parentheses cannot be anything but part of
// the query around it.
void RequireExpression(const char* text);

}  // namespace fraiseql::pg
