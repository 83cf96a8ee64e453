// SPDX-License-Identifier: PostgreSQL
#pragma once

// Reading the extension's tables.  Include after postgres.h.

extern "C" {
#include "access/genam.h"
#include "access/htup.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
}

namespace fraiseql::pg {

// Calls `take(tuple, desc)` for each row that `snapshot` sees (null: the snapshot of the catalogs).
// Takes no lock, so that it blocks no session; so it uses no index, which it would have to lock.
// May raise.  REQUIRES: a transaction or a decoding callback.
template <typename Take>
void ScanOwnTable(Oid table, Snapshot snapshot, Take take) {
  ::Relation relation = RelationIdGetRelation(table);
  if (!RelationIsValid(relation)) return;
  SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, snapshot, 0, nullptr);
  HeapTuple tuple;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) take(tuple, RelationGetDescr(relation));
  systable_endscan(scan);
  RelationClose(relation);
}

}  // namespace fraiseql::pg
