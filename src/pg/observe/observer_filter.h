// SPDX-License-Identifier: PostgreSQL
#pragma once

// An observer's filter: a boolean SQL expression over one row.  It is evaluated while the log is
// decoded, where tables must not be read and an error would recur forever; so it may contain only
// columns, constants, and immutable functions and operators of Postgres itself.  Include after
// postgres.h.

extern "C" {
#include "nodes/bitmapset.h"
#include "nodes/primnodes.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// The row of a Var, by its varno.
constexpr int kVarOfRow = 1;          // the new row, for DELETE the old one: column
constexpr int kVarOfNew = INNER_VAR;  // new.column
constexpr int kVarOfOld = OUTER_VAR;  // old.column

// The error context callback for the text of an expression that is being parsed, of type char*: an
// error position refers to this text, and not to the statement of the client.
void PointIntoText(void* text);

// Parses `text`, in the server's encoding, and prepares it for execution, in the current memory
// context.  Raises, with the position in the text, if it is not such an expression over the columns
// of `relation`.  REQUIRES: PinSettings(), so that the meaning of a text does not depend on
// settings.
Expr* ParseFilter(const char* text, ::Relation relation);

}  // namespace fraiseql::pg
