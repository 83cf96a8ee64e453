// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/xlogutils.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "replication/logical.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/builtins.h"
}

#include "pg/base/compat.h"
#include "pg/base/own_transaction.h"
#include "pg/base/plugin_name.h"
#include "pg/settings/gucs.h"
#include "pg/slot/slot.h"
#include "pg/slot/slot_start.h"

namespace fraiseql::pg {

SlotName OwnSlotName(const WorkerKey& worker) {
  SlotName slot;
  if (worker.stream == kDefaultStream) {
    snprintf(NameStr(slot.name), NAMEDATALEN, "fraiseql_nats_%u", worker.database);
  } else {
    snprintf(NameStr(slot.name), NAMEDATALEN, "fraiseql_nats_%u_%d", worker.database,
             worker.stream);
  }
  return slot;
}

bool IsWorkerSlot(const char* name, Oid database) {
  const SlotName first = OwnSlotName({database, kDefaultStream});
  const size_t size = strlen(first.c_str());
  if (strncmp(name, first.c_str(), size) != 0) return false;
  const char* rest = name + size;
  return rest[0] == '\0' || (rest[0] == '_' && rest[strspn(rest + 1, "0123456789") + 1] == '\0');
}

bool SlotExists(const char* name) { return SearchNamedReplicationSlot(name, true) != nullptr; }

bool SlotIsReady(const char* name) {
  ReplicationSlot* slot = SearchNamedReplicationSlot(name, true);
  if (slot == nullptr) return false;
  SpinLockAcquire(&slot->mutex);
  const bool ready = slot->data.persistency == RS_PERSISTENT && InvalidationCause(slot) == nullptr;
  SpinLockRelease(&slot->mutex);
  return ready;
}

SlotCondition InspectSlot(const char* name) {
  SlotCondition condition;
  ReplicationSlot* slot = SearchNamedReplicationSlot(name, true);
  if (slot == nullptr) return condition;
  condition.exists = true;
  SpinLockAcquire(&slot->mutex);
  condition.active_pid = ActivePid(slot);
  condition.restart_lsn = slot->data.restart_lsn;
  condition.confirmed = slot->data.confirmed_flush;
  condition.lost = InvalidationCause(slot);
  SpinLockRelease(&slot->mutex);
  return condition;
}

bool HasFreeSlot() {
  bool found = false;
  LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
  for (int i = 0; i < max_replication_slots && !found; ++i) {
    found = !ReplicationSlotCtl->replication_slots[i].in_use;
  }
  LWLockRelease(ReplicationSlotControlLock);
  return found;
}

std::vector<SlotName> SlotsWithPrefix(const std::string& prefix) {
  std::vector<SlotName> names;
  names.reserve(static_cast<size_t>(max_replication_slots));  // nothing may raise under the lock
  LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
  for (int i = 0; i < max_replication_slots; ++i) {
    const ReplicationSlot& slot = ReplicationSlotCtl->replication_slots[i];
    const bool matches = strncmp(NameStr(slot.data.name), prefix.c_str(), prefix.size()) == 0;
    if (slot.in_use && matches) names.push_back({slot.data.name});
  }
  LWLockRelease(ReplicationSlotControlLock);
  return names;
}

void MakeSlot(const char* name, bool temporary) {
  RequireLogicalDecoding();
  CreateSlot(name, temporary ? RS_TEMPORARY : RS_EPHEMERAL, !temporary && settings.slot_failover);
  MakeLogLogical();
  XLogReaderRoutine routine{};
  routine.page_read = read_local_xlog_page;
  routine.segment_open = wal_segment_open;
  routine.segment_close = wal_segment_close;
  LogicalDecodingContext* context = NewSlotContext(kPluginName, &routine);
  FindSlotStart(context);
  FreeDecodingContext(context);
  if (!temporary) ReplicationSlotPersist();
}

namespace {
struct SlotCopy {
  const char* from;
  const char* name;
};
void RunCopy(void* argument) {
  const auto* copy = static_cast<const SlotCopy*>(argument);
  Oid types[] = {TEXTOID, TEXTOID};
  Datum values[] = {CStringGetTextDatum(copy->from), CStringGetTextDatum(copy->name)};
  (void)SPI_execute_with_args(
      "SELECT pg_catalog.pg_copy_logical_replication_slot($1::pg_catalog.name, "
      "$2::pg_catalog.name, false)",
      2, types, values, nullptr, false, 0);
  if (settings.slot_failover) SetSlotFailover(copy->name);
}
}  // namespace

bool CopySlot(const char* from, const char* name, std::string* error) {
  if (!SlotIsReady(from)) {
    *error = "the slot to copy does not exist or is not usable";
    return false;
  }
  SlotCopy copy{from, name};
  return TryOwnTransaction(RunCopy, &copy, error);
}

bool AcquireUsableSlot(const char* name) {
  AcquireSlot(name, SlotUse::kWait);
  if (InvalidationCause(MyReplicationSlot) == nullptr) return true;
  ReplicationSlotRelease();
  return false;
}

bool TryDropSlot(const char* name) {
  if (!SlotExists(name)) return true;
  const MemoryContext context = CurrentMemoryContext;
  volatile bool dropped = false;
  PG_TRY();
  {
    ReplicationSlotDrop(name, true);
    dropped = true;
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    if (geterrcode() != ERRCODE_OBJECT_IN_USE && geterrcode() != ERRCODE_UNDEFINED_OBJECT) {
      PG_RE_THROW();
    }
    FlushErrorState();
  }
  PG_END_TRY();
  return dropped || !SlotExists(name);
}

void DropSlot(const char* name) {
  if (SlotExists(name)) ReplicationSlotDrop(name, false);
}

}  // namespace fraiseql::pg
