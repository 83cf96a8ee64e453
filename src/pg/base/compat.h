// SPDX-License-Identifier: PostgreSQL
#pragma once

// Every difference between the supported major versions of Postgres, 15 to 19.  Include after
// postgres.h; no other file uses PG_VERSION_NUM.

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
#include "access/xlog.h"
#include "access/xlogreader.h"
#include "access/xlogutils.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "replication/logical.h"
#include "replication/message.h"
#include "replication/origin.h"
#include "replication/reorderbuffer.h"
#include "replication/slot.h"
#include "replication/snapbuild.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#if PG_VERSION_NUM >= 160000
#include "utils/relfilenumbermap.h"
#include "varatt.h"
#else
#include "utils/relfilenodemap.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif
#if PG_VERSION_NUM >= 190000
#include "replication/logicalctl.h"
#include "storage/proc.h"
#endif
#include "utils/acl.h"
#include "utils/guc_tables.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"
}

#if PG_VERSION_NUM < 150000
#error "fraiseql_nats needs PostgreSQL 15 or later"
#endif

namespace fraiseql::pg {

#if PG_VERSION_NUM >= 170000
inline void CreateSlot(const char* name, ReplicationSlotPersistency persistency, bool failover) {
#if PG_VERSION_NUM >= 190000
  ReplicationSlotCreate(name, true, persistency, false, false, failover, false);
#else
  ReplicationSlotCreate(name, true, persistency, false, failover, false);
#endif
}
constexpr bool kHasFailoverSlots = true;
inline void SetSlotFailover(const char* name) {
#if PG_VERSION_NUM >= 180000
  const bool failover = true;
  ReplicationSlotAlter(name, &failover, nullptr);
#else
  ReplicationSlotAlter(name, true);
#endif
}
// Whether the standbys that may take over the slot of this process have the log up to `lsn`.
inline bool StandbysHave(XLogRecPtr lsn) {
  return MyReplicationSlot == nullptr || !MyReplicationSlot->data.failover ||
         StandbySlotsHaveCaughtup(lsn, DEBUG1);  // status() reports it
}
inline HeapTuple NewTuple(ReorderBufferChange* change) { return change->data.tp.newtuple; }
inline HeapTuple OldTuple(ReorderBufferChange* change) { return change->data.tp.oldtuple; }
inline XLogRecPtr LogMessage(const char* prefix, const char* body, size_t size) {
  return LogLogicalMessage(prefix, body, size, true, false);
}
inline WaitEventSet* NewWaitEventSet(int events) { return CreateWaitEventSet(nullptr, events); }
// The names of our wait events in pg_stat_activity.
inline uint32 WaitEventNamed(const char* name) { return WaitEventExtensionNew(name); }
inline uint32 WaitForLogEvent() {
  static uint32 event = 0;
  if (event == 0) event = WaitEventNamed("FraiseqlNatsWaitForLog");
  return event;
}
inline uint32 WaitForBrokerEvent() {
  static uint32 event = 0;
  if (event == 0) event = WaitEventNamed("FraiseqlNatsWaitForBroker");
  return event;
}
inline uint32 LauncherMainEvent() {
  static uint32 event = 0;
  if (event == 0) event = WaitEventNamed("FraiseqlNatsLauncherMain");
  return event;
}
#else
inline void CreateSlot(const char* name, ReplicationSlotPersistency persistency, bool) {
  ReplicationSlotCreate(name, true, persistency, false);
}
constexpr bool kHasFailoverSlots = false;
inline void SetSlotFailover(const char*) {}
inline bool StandbysHave(XLogRecPtr) { return true; }
inline HeapTuple NewTuple(ReorderBufferChange* change) {
  return change->data.tp.newtuple ? &change->data.tp.newtuple->tuple : nullptr;
}
inline HeapTuple OldTuple(ReorderBufferChange* change) {
  return change->data.tp.oldtuple ? &change->data.tp.oldtuple->tuple : nullptr;
}
inline XLogRecPtr LogMessage(const char* prefix, const char* body, size_t size) {
  return LogLogicalMessage(prefix, body, size, true);
}
inline WaitEventSet* NewWaitEventSet(int events) {
  return CreateWaitEventSet(TopMemoryContext, events);
}
// Before 17 an extension cannot name its wait events; these are the core's names for the same waits
// of a walsender and of the logical replication launcher.
inline uint32 WaitForLogEvent() { return WAIT_EVENT_WAL_SENDER_WAIT_WAL; }
inline uint32 WaitForBrokerEvent() { return WAIT_EVENT_WAL_SENDER_WRITE_DATA; }
inline uint32 LauncherMainEvent() { return WAIT_EVENT_LOGICAL_LAUNCHER_MAIN; }
#endif

// With kNow, a slot that is in use, or from 18 on one that is invalidated, is an error.  kWait
// waits for a slot in use, and accepts an invalidated one.
enum class SlotUse : bool { kNow, kWait };
#if PG_VERSION_NUM >= 180000
inline void AcquireSlot(const char* name, SlotUse use = SlotUse::kNow) {
  ReplicationSlotAcquire(name, use == SlotUse::kNow, use == SlotUse::kNow);
}
inline bool IsVirtual(Form_pg_attribute attribute) {
  return attribute->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL;
}
// From 18 on NOT NULL may be NOT VALID.
inline bool IsNeverNull(TupleDesc desc, int index) {
  return TupleDescCompactAttr(desc, index)->attnullability == ATTNULLABLE_VALID;
}
#else
inline void AcquireSlot(const char* name, SlotUse use = SlotUse::kNow) {
  ReplicationSlotAcquire(name, use == SlotUse::kNow);
}
inline bool IsVirtual(Form_pg_attribute) { return false; }
inline bool IsNeverNull(TupleDesc desc, int index) {
  return TupleDescAttr(desc, index)->attnotnull;
}
#endif

// Calls `visit` with each setting of the server, const config_generic*; `visit` must not raise.
template <typename Visit>
void ForEachSetting(Visit visit) {
#if PG_VERSION_NUM >= 160000
  int count = 0;
  config_generic** all = get_guc_variables(&count);  // palloc'd
#else
  const int count = GetNumConfigOptions();
  config_generic** all = get_guc_variables();
#endif
  for (int i = 0; i < count; ++i) visit(const_cast<const config_generic*>(all[i]));
#if PG_VERSION_NUM >= 160000
  pfree(all);
#endif
}

// The file of a table, as records of the log name it.
#if PG_VERSION_NUM >= 160000
using FileLocator = RelFileLocator;
inline FileLocator FileOf(::Relation relation) { return relation->rd_locator; }
inline Oid DatabaseOf(const FileLocator& file) { return file.dbOid; }
inline Oid SpaceOf(const FileLocator& file) { return file.spcOid; }
inline uint32 NumberOf(const FileLocator& file) { return file.relNumber; }
inline Oid RelationOfFile(Oid space, uint32 number) { return RelidByRelfilenumber(space, number); }
#else
using FileLocator = RelFileNode;
inline FileLocator FileOf(::Relation relation) { return relation->rd_node; }
inline Oid DatabaseOf(const FileLocator& file) { return file.dbNode; }
inline Oid SpaceOf(const FileLocator& file) { return file.spcNode; }
inline uint32 NumberOf(const FileLocator& file) { return file.relNode; }
inline Oid RelationOfFile(Oid space, uint32 number) { return RelidByRelfilenode(space, number); }
#endif

#if PG_VERSION_NUM >= 160000
inline Snapshot BuilderSnapshot(SnapBuild* builder, TransactionId) {
  return SnapBuildGetOrBuildSnapshot(builder);
}
inline AclResult FunctionAclCheck(Oid function, Oid role) {
  return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE);
}
inline tree_walker_callback AsTreeWalker(bool (*walker)(Node*, void*)) { return walker; }
inline bool OwnsDatabase(Oid database, Oid role) {
  return object_ownercheck(DatabaseRelationId, database, role);
}
// Why the slot was invalidated; null if it was not.
inline const char* InvalidationCause(const ReplicationSlot* slot) {
  switch (slot->data.invalidated) {
    case RS_INVAL_NONE:
      return nullptr;
    case RS_INVAL_WAL_REMOVED:
      return "\"max_slot_wal_keep_size\" was exceeded";
#if PG_VERSION_NUM >= 180000
    case RS_INVAL_IDLE_TIMEOUT:
      return "\"idle_replication_slot_timeout\" was exceeded";
#endif
    default:
      return "the slot was invalidated";
  }
}
#else
inline Snapshot BuilderSnapshot(SnapBuild* builder, TransactionId xid) {
  return SnapBuildGetOrBuildSnapshot(builder, xid);
}
inline AclResult FunctionAclCheck(Oid function, Oid role) {
  return pg_proc_aclcheck(function, role, ACL_EXECUTE);
}
// The callback is declared without parameters, which to C++ means that it takes none.
inline bool (*AsTreeWalker(bool (*walker)(Node*, void*)))() {
  return reinterpret_cast<bool (*)()>(reinterpret_cast<void*>(walker));
}
inline bool OwnsDatabase(Oid database, Oid role) { return pg_database_ownercheck(database, role); }
// Why the slot was invalidated; null if it was not.
inline const char* InvalidationCause(const ReplicationSlot* slot) {
  const bool invalidated = XLogRecPtrIsInvalid(slot->data.restart_lsn) &&
                           !XLogRecPtrIsInvalid(slot->data.invalidated_at);
  return invalidated ? "\"max_slot_wal_keep_size\" was exceeded" : nullptr;
}
#endif

// From 19 on the log becomes logical by itself while there is a logical slot, at wal_level =
// replica.
#if PG_VERSION_NUM >= 190000
constexpr int kNeededWalLevel = WAL_LEVEL_REPLICA;
constexpr char kNeededWalLevelName[] = "replica";
inline void RequireLogicalDecoding() { CheckLogicalDecodingRequirements(false); }
// After the slot of this process was created.
inline void MakeLogLogical() { EnsureLogicalDecodingEnabled(); }
inline LogicalDecodingContext* NewSlotContext(const char* plugin, XLogReaderRoutine* routine) {
  return CreateInitDecodingContext(plugin, NIL, false, false, InvalidXLogRecPtr, routine, nullptr,
                                   nullptr, nullptr);
}
// The caller holds the slot's mutex.
inline int ActivePid(const ReplicationSlot* slot) {
  const ProcNumber process = slot->active_proc;
  return process == INVALID_PROC_NUMBER ? 0 : GetPGProcByNumber(process)->pid;
}
inline TimestampTz CommitTime(const ReorderBufferTXN* txn) { return txn->commit_time; }
constexpr ReplOriginId kNoOrigin = InvalidReplOriginId;
inline XLogRecPtr FindNextRecord(XLogReaderState* reader, XLogRecPtr from) {
  char* error = nullptr;
  return XLogFindNextRecord(reader, from, &error);
}
// Of all databases.
inline TransactionId OldestRunningTransaction() {
  return GetOldestActiveTransactionId(false, true);
}
#else
constexpr int kNeededWalLevel = WAL_LEVEL_LOGICAL;
constexpr char kNeededWalLevelName[] = "logical";
inline void RequireLogicalDecoding() { CheckLogicalDecodingRequirements(); }
inline void MakeLogLogical() {}
inline LogicalDecodingContext* NewSlotContext(const char* plugin, XLogReaderRoutine* routine) {
  return CreateInitDecodingContext(plugin, NIL, false, InvalidXLogRecPtr, routine, nullptr, nullptr,
                                   nullptr);
}
inline int ActivePid(const ReplicationSlot* slot) { return slot->active_pid; }
inline TimestampTz CommitTime(const ReorderBufferTXN* txn) { return txn->xact_time.commit_time; }
constexpr RepOriginId kNoOrigin = InvalidRepOriginId;
inline XLogRecPtr FindNextRecord(XLogReaderState* reader, XLogRecPtr from) {
  return XLogFindNextRecord(reader, from);
}
inline TransactionId OldestRunningTransaction() { return GetOldestActiveTransactionId(); }
#endif
// Whether the log is logical, or becomes so with the first slot.
inline bool CanBeLogical() { return wal_level >= kNeededWalLevel; }

}  // namespace fraiseql::pg

// What pg_get_loaded_modules() shows of the library, from PostgreSQL 18 on.
#if PG_VERSION_NUM >= 180000
#define OWN_MODULE_MAGIC(own_name, own_version) \
  PG_MODULE_MAGIC_EXT(.name = own_name, .version = own_version)
#else
#define OWN_MODULE_MAGIC(own_name, own_version) PG_MODULE_MAGIC
#endif
