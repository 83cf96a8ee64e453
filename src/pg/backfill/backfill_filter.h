// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// Raises unless the text is one SQL expression: in parentheses it cannot change the structure of
// the query around it.
void RequireExpression(const char* text);

}  // namespace fraiseql::pg
