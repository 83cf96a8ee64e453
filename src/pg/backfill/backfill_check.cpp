// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

#include "pg/backfill/backfill_check.h"
#include "pg/backfill/backfill_key.h"
#include "pg/backfill/backfill_lock.h"
#include "pg/base/guard.h"
#include "pg/base/server_text.h"
#include "pg/capture/log_writer.h"
#include "pg/observe/observer_table.h"
#include "pg/slot/slot.h"

namespace fraiseql::pg {

namespace {

bool Backfills(const Observer& observer, const List* tables) {
  return list_member_oid(tables, observer.relation) && observer.source != Source::kNotify &&
         (observer.operations & SetOf(Operation::kInsert)) != 0;
}

// Rows that nobody is told of would be passed over in silence.
void RequireObserver(Oid relation, const char* name) {
  List* tables = list_make1_oid(relation);
  if (get_rel_relispartition(relation)) {
    tables = list_concat(tables, get_partition_ancestors(relation));
  }
  const std::string_view wanted = name != nullptr ? ToUtf8View(name) : std::string_view{};
  auto* loaded = NewInContext<LoadedObservers>(CurrentMemoryContext);
  LoadObservers(nullptr, loaded);
  const bool found = std::any_of(
      loaded->observers.begin(), loaded->observers.end(), [=](const Observer& observer) {
        return (name == nullptr || observer.name == wanted) && Backfills(observer, tables);
      });
  if (found) return;
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no observer wants the rows of table \"%s\"", get_rel_name(relation)),
                    errdetail("They go to the enabled observers of the table whose events include "
                              "INSERT and whose source is not notify."),
                    errhint("Make one with fraiseql_nats.observe().")));
  }
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("observer \"%s\" does not want the rows of table \"%s\"", name,
                         get_rel_name(relation)),
                  errdetail("It must exist, be enabled, be of this table, have INSERT among its "
                            "events, and not have the source notify.")));
}

void RequireSlot() {
  RequireLogicalLog("backfill");
  const SlotName slot = OwnSlotName(MyDatabaseId);
  if (SlotIsReady(slot.c_str())) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("replication slot \"%s\" is not ready", slot.c_str()),
                  errdetail("What is written before is not published."),
                  errhint("See fraiseql_nats.status() for what it waits for.")));
}

}  // namespace

const char* RequireBackfill(Oid relation, const char* observer) {
  RequireSlot();
  ::Relation table = try_table_open(relation, AccessShareLock);
  if (table == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("relation with OID %u does not exist", relation)));
  }
  RequireObservableTable(relation);
  RequireObserver(relation, observer);
  AcquireBackfillLock(relation);
  const BackfillKey key = FindBackfillKey(table);
  table_close(table, NoLock);
  return key.columns;
}

}  // namespace fraiseql::pg
