// SPDX-License-Identifier: PostgreSQL
#pragma once

// What an observer's filter says: a boolean SQL expression over one row.  It is evaluated while the
// log is decoded, where a table must not be read and an error must not come back for ever; so it is
// made of columns, constants, and immutable functions and operators of Postgres itself.  Include
// after postgres.h.

extern "C" {
#include "nodes/bitmapset.h"
#include "nodes/primnodes.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// Where the column of a Var is, by its varno.
constexpr int kVarOfRow = 1;          // the new row, of a DELETE the old one: column
constexpr int kVarOfNew = INNER_VAR;  // new.column
constexpr int kVarOfOld = OUTER_VAR;  // old.column

// To be called back with the text of an expression that is being parsed, of type char*, when there
// is an error: its place is in this text, and not in the statement of the client.
void PointIntoText(void* text);

// Reads `text`, in the server's encoding, and makes it ready to be executed, in the current memory
// context.  Raises, with the place in the text, if it is no such expression over the columns of
// `relation`.  REQUIRES: PinSettings(), so that a text means the same everywhere.
Expr* ParseFilter(const char* text, ::Relation relation);

}  // namespace fraiseql::pg
