// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include "core/route/observer.h"
#include "pg/observe/observer_table.h"

extern "C" {
#include "nodes/primnodes.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// Tells of what an observer asks for and can never get, as WARNINGs to whoever makes it: values
// that the table's replica identity does not log, rows that are not in the log.  `filter` is its
// expression (see observer_filter.h), or null.  May raise.  REQUIRES: a lock on the relation.
void WarnOfObserver(const Observer& observer, ::Relation relation, const Expr* filter);

// The tables that are observed in this database and whose rows are not in the log, separated by
// commas, palloc'd; empty: there are none.  May raise.
const char* UnloggedTables();

// Tells of another observer that sends the same changes to the same subject.  May raise.
void WarnOfTwins(const Observer& observer);

// Tells of rows that are not in the log: of a table that has become unlogged, say, or was attached
// to one that is observed.  `table` may be of any kind; it need not be observed.
void WarnOfUnloggedRows(Oid table);

}  // namespace fraiseql::pg
