// SPDX-License-Identifier: PostgreSQL
#include <string>
#include <vector>

extern "C" {
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
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
#include "pg/settings/stream_rows.h"
#include "pg/shared/stream_entries.h"
#include "pg/slot/slot.h"

namespace fraiseql::pg {

namespace {

bool Backfills(const Observer& observer, const List* tables) {
  return list_member_oid(tables, observer.relation) && observer.source != Source::kNotify &&
         (observer.operations & SetOf(Operation::kInsert)) != 0;
}

// The number of the stream of an observer.
int32 NumberOf(const std::string& stream, const std::vector<StreamRow>& rows) {
  for (const StreamRow& row : rows) {
    if (!stream.empty() && row.name == stream) return row.number;
  }
  return kDefaultStream;
}

// The observers of the rows, and their streams; in a memory context that an error frees.
struct Audience {
  LoadedObservers loaded;
  std::vector<StreamRow> rows;
  std::vector<int32> streams;
};

// Raises if no observer gets the rows: they would be skipped silently.
const std::vector<int32>& RequireObserver(Oid relation, const char* name) {
  List* tables = list_make1_oid(relation);
  if (get_rel_relispartition(relation)) {
    tables = list_concat(tables, get_partition_ancestors(relation));
  }
  const std::string_view wanted = name != nullptr ? ToUtf8View(name) : std::string_view{};
  auto* audience = NewInContext<Audience>(CurrentMemoryContext);
  LoadObservers(nullptr, &audience->loaded);
  LoadStreamRows(&audience->rows);
  for (const Observer& observer : audience->loaded.observers) {
    if ((name != nullptr && observer.name != wanted) || !Backfills(observer, tables)) continue;
    audience->streams.push_back(NumberOf(observer.stream, audience->rows));
  }
  if (!audience->streams.empty()) return audience->streams;
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no observer wants the rows of table \"%s\"", get_rel_name(relation)),
                    errdetail("They go to the enabled observers of the table whose events include "
                              "INSERT and whose source is not notify."),
                    errhint("Create one with fraiseql_nats.observe().")));
  }
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("observer \"%s\" does not want the rows of table \"%s\"", name,
                         get_rel_name(relation)),
                  errdetail("It must exist, be enabled, be of this table, have INSERT among its "
                            "events, and not have the source notify.")));
}

// Whether the slot of a further stream is still to be copied from that of the default stream, which
// keeps the log for it.
bool AwaitsSlot() {
  if (shared == nullptr) return false;
  LWLockAcquire(shared->lock, LW_SHARED);
  WorkerEntry* entry = FindEntry({MyDatabaseId, kDefaultStream});
  const bool awaits = entry != nullptr && AwaitsSlots(entry);
  LWLockRelease(shared->lock);
  return awaits;
}

// Returns the confirmed position of the stream's slot.
XLogRecPtr RequireSlot(int32 stream) {
  const SlotName slot = OwnSlotName({MyDatabaseId, stream});
  const SlotName keeper = OwnSlotName({MyDatabaseId, kDefaultStream});
  const bool is_kept = stream != kDefaultStream && AwaitsSlot();
  // The slot may just have been made.
  if (SlotIsReady(slot.c_str())) return InspectSlot(slot.c_str()).confirmed;
  if (is_kept && SlotIsReady(keeper.c_str())) return InspectSlot(keeper.c_str()).confirmed;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("replication slot \"%s\" is not ready", slot.c_str()),
                  errdetail("Rows that are written before it is ready are not published."),
                  errhint("See fraiseql_nats.status() for what it waits for.")));
  return InvalidXLogRecPtr;
}

}  // namespace

const char* RequireBackfill(Oid relation, const char* observer, XLogRecPtr* confirmed) {
  RequireLogicalLog("backfill");
  ::Relation table = try_table_open(relation, AccessShareLock);
  if (table == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("relation with OID %u does not exist", relation)));
  }
  RequireObservableTable(relation);
  *confirmed = InvalidXLogRecPtr;
  for (const int32 stream : RequireObserver(relation, observer)) {
    const XLogRecPtr of_stream = RequireSlot(stream);
    if (XLogRecPtrIsInvalid(*confirmed) || of_stream < *confirmed) *confirmed = of_stream;
  }
  AcquireBackfillLock(relation);
  const BackfillKey key = FindBackfillKey(table);
  table_close(table, NoLock);
  return key.columns;
}

}  // namespace fraiseql::pg
