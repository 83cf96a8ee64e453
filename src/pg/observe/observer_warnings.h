// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include "core/route/observer.h"
#include "pg/base/warning.h"
#include "pg/observe/observer_table.h"

extern "C" {
#include "nodes/primnodes.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// Warns about what the observer needs and can never get: values that the table's replica identity
// does not log, and rows that are not logged.  `filter` is its expression (see observer_filter.h),
// or null.  May raise.  REQUIRES: a lock on the relation.
void WarnOfObserver(const Observer& observer, ::Relation relation, const Expr* filter,
                    const WarningSink& sink);

// The observed tables of this database whose rows are not logged, separated by commas, palloc'd;
// empty: none.  May raise.
const char* UnloggedTables();

// Warns about another observer that sends the same changes to the same subject.  May raise.
void WarnOfTwins(const Observer& observer);

// Warns about rows that are not logged, for example of a table that was set unlogged, or was
// attached to an observed one.  `table` may be of any kind; it need not be observed.
void WarnOfUnloggedRows(Oid table);

}  // namespace fraiseql::pg
