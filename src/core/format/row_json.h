// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>

#include "core/change/change.h"
#include "core/route/router.h"

namespace fraiseql {

// Parts that the payloads of several formats share.  They contain only columns that the route
// includes and whose values are known.

// The columns of `row` as an object; null stands for none.
void AppendRow(const Route& route, const Relation& relation, const RowImage* row, std::string* out);

// The identity of the row, as a string (several columns joined by ':'); null when the table has no
// such column, or one of them is null, was not logged or is not published.
void AppendEntityId(const Route& route, const Relation& relation, const RowImage* row,
                    std::string* out);

// Whether the old and the new value of a column are known and differ.
bool IsChanged(const Route& route, const Change& change, size_t column);

// `,"changes":{COLUMN:{"old":V,"new":V},...}`: the columns that differ.
void AppendChanges(const Route& route, const Change& change, std::string* out);

// `,"unchanged":[COLUMN,...]`: the columns left out because their TOAST value was not touched.
// Nothing if there are none.
void AppendUnchanged(const Route& route, const Change& change, std::string* out);

}  // namespace fraiseql
