// SPDX-License-Identifier: PostgreSQL
#pragma once

// What an observer needs that publishes the rows of a table to a bucket.  Include after postgres.h.

#include "core/route/observer.h"
#include "pg/base/warning.h"

extern "C" {
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// Raises if the table has no key, or the bucket has the rows of another observer.  REQUIRES: a lock
// on the relation.
void RequireBucket(const Observer& observer, ::Relation relation);

// Warns about values that the bucket needs and that the table's replica identity does not log.  May
// raise.  REQUIRES: a lock on the relation.
void WarnOfBucket(const Observer& observer, ::Relation relation, const WarningSink& sink);

}  // namespace fraiseql::pg
