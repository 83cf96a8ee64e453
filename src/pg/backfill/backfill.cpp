// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

#include "core/change/message.h"
#include "pg/backfill/backfill.h"
#include "pg/backfill/backfill_filter.h"
#include "pg/backfill/backfill_key.h"
#include "pg/capture/log_writer.h"
#include "pg/capture/trace_context.h"
#include "pg/base/server_text.h"
#include "pg/base/pinned_settings.h"

namespace fraiseql::pg {

namespace {

// Other sessions wait for the row locks of a chunk until it commits, so a chunk of large rows has
// fewer rows.
constexpr int64 kMaxChunkBytes = 4 << 20;
// The columns of a query for rows before the columns of the key.
constexpr int kTableOid = 1, kTid = 2, kWanted = 3, kColumnsBeforeKey = 3;

struct Chunk {
  const RowsToPublish* rows;
  BackfillKey key;
  const char* query;  // up to WHERE
  MemoryContext result_context;
  MemoryContext row_context;  // reset for each row
  RowsPublished result;
  int64 bytes;
};

// Locks before the snapshot is taken: a table that is rewritten after it looks empty to the
// snapshot.
::Relation LockTable(Oid oid) {
  ::Relation relation = try_table_open(oid, RowShareLock);
  if (relation == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("relation with OID %u does not exist any more", oid)));
  }
  if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) {
    list_free(find_all_inheritors(oid, RowShareLock, nullptr));
  }
  return relation;
}

const char* BuildQuery(const Chunk& chunk, ::Relation relation) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT tableoid, ctid, ");
  if (chunk.rows->filter == nullptr) {
    appendStringInfoString(&sql, "true");
  } else {
    // CASE accepts exactly one boolean value.  The line break ends a comment in the filter.
    appendStringInfo(&sql, "CASE WHEN (%s\n) THEN true ELSE false END", chunk.rows->filter);
  }
  const bool partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
  appendStringInfo(&sql, ", %s FROM %s%s", chunk.key.columns, partitioned ? "" : "ONLY ",
                   quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                              RelationGetRelationName(relation)));
  return sql.data;
}

void RequireLoggedTable(::Relation relation) {
  if (relation->rd_rel->relkind == RELKIND_RELATION &&
      relation->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT) {
    return;
  }
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("rows of partition \"%s\" cannot be published",
                         RelationGetRelationName(relation)),
                  errdetail("Changes of foreign and of unlogged tables are not in the log."),
                  errhint("Backfill the other partitions, each by its name.")));
}

// The uncompressed size of the values.
size_t RowBytes(TupleTableSlot* slot) {
  slot_getallattrs(slot);
  size_t bytes = 0;
  for (int i = 0; i < slot->tts_tupleDescriptor->natts; ++i) {
    if (slot->tts_isnull[i] || TupleDescAttr(slot->tts_tupleDescriptor, i)->attlen != -1) continue;
    bytes += toast_raw_datum_size(slot->tts_values[i]);
  }
  return bytes;
}

void WriteRow(Chunk* chunk, ::Relation table, TupleTableSlot* slot) {
  if (RowBytes(slot) > kMaxMessageBytes) {
    ereport(WARNING,
            (errmsg("row of table \"%s\" is larger than a message can be, and is not published",
                    RelationGetRelationName(table)),
             errdetail("Its ctid is (%u,%u).", ItemPointerGetBlockNumber(&slot->tts_tid),
                       ItemPointerGetOffsetNumber(&slot->tts_tid))));
    return;
  }
  bool is_copy = false;
  HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, &is_copy);
  // Decoding must not read TOAST tables, which may be newer than the log.
  if (HeapTupleHasExternal(tuple)) tuple = toast_flatten_tuple(tuple, RelationGetDescr(table));
  LoggedMessage message;
  message.kind = LoggedKind::kSnapshot;
  message.relation = RelationGetRelid(table);
  if (chunk->rows->observer != nullptr) message.observer = ToUtf8View(chunk->rows->observer);
  message.tuple = {reinterpret_cast<const char*>(tuple->t_data), tuple->t_len};
  LogTraceContext();
  chunk->result.end = WriteToLog(message);
  chunk->bytes += tuple->t_len;
}

// False if another session is changing the row, or has changed it since the snapshot.
bool PublishRow(Chunk* chunk, Oid table_oid, ItemPointer tid) {
  ::Relation table = table_open(table_oid, RowShareLock);
  RequireLoggedTable(table);
  TupleTableSlot* slot = table_slot_create(table, nullptr);
  TM_FailureData failure;
  const TM_Result result =
      table_tuple_lock(table, tid, GetActiveSnapshot(), slot, GetCurrentCommandId(true),
                       LockTupleShare, LockWaitSkip, 0, &failure);
  if (result == TM_Ok) WriteRow(chunk, table, slot);
  ExecDropSingleTupleTableSlot(slot);
  table_close(table, NoLock);
  if (result == TM_Invisible || result == TM_SelfModified) {
    ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                    errmsg("row was changed by the transaction that is to publish it")));
  }
  return result == TM_Ok;
}

const char* KeyOf(const Chunk& chunk, HeapTuple row, TupleDesc desc) {
  const int nest_level = NewGUCNestLevel();
  PinSettings(true);
  const char* values[INDEX_MAX_KEYS];
  for (int i = 0; i < chunk.key.count; ++i) {
    values[i] = SPI_getvalue(row, desc, kColumnsBeforeKey + i + 1);
  }
  const char* key = KeyToText(values, chunk.key.count);
  AtEOXact_GUC(false, nest_level);
  return key;
}

void HandleRow(Chunk* chunk, HeapTuple row, TupleDesc desc) {
  MemoryContextReset(chunk->row_context);
  const MemoryContext old = MemoryContextSwitchTo(chunk->row_context);
  bool is_null = false;
  if (!DatumGetBool(SPI_getbinval(row, desc, kWanted, &is_null))) {
    ++chunk->result.passed;
  } else if (chunk->bytes < kMaxChunkBytes &&
             PublishRow(chunk, DatumGetObjectId(SPI_getbinval(row, desc, kTableOid, &is_null)),
                        reinterpret_cast<ItemPointer>(
                            DatumGetPointer(SPI_getbinval(row, desc, kTid, &is_null))))) {
    ++chunk->result.published;
  } else {
    chunk->result.busy =
        accumArrayResult(chunk->result.busy, CStringGetTextDatum(KeyOf(*chunk, row, desc)), false,
                         TEXTOID, chunk->result_context);
  }
  MemoryContextSwitchTo(old);
  CHECK_FOR_INTERRUPTS();
}

// Reads with the settings of the session, since the filter is the caller's; but raises an error
// instead of omitting rows that a policy hides.
void Execute(const char* sql, int count, const Oid* types, Datum* values) {
  const int nest_level = NewGUCNestLevel();
  (void)set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                          0, false);
  const int result =
      SPI_execute_with_args(sql, count, const_cast<Oid*>(types), values, nullptr, true, 0);
  AtEOXact_GUC(false, nest_level);
  if (result != SPI_OK_SELECT) elog(ERROR, "cannot read the rows of a backfill");
}

// Runs a query for rows, with the key as its arguments.
void Select(Chunk* chunk, const char* sql, const char* key) {
  Datum values[INDEX_MAX_KEYS];
  if (key != nullptr) {
    const int nest_level = NewGUCNestLevel();
    PinSettings(true);
    TextToKey(chunk->key, key, values);
    AtEOXact_GUC(false, nest_level);
  }
  Execute(sql, key != nullptr ? chunk->key.count : 0, chunk->key.types, values);
  SPITupleTable* table = SPI_tuptable;
  const uint64 count = SPI_processed;
  uint64 handled = 0;
  // Rows beyond the size limit follow with the next chunk; rows that were requested by key are all
  // handled.
  while (handled < count && (chunk->bytes < kMaxChunkBytes || chunk->rows->keys != nullptr)) {
    HandleRow(chunk, table->vals[handled++], table->tupdesc);
  }
  if (handled > 0) {
    chunk->result.last_key = MemoryContextStrdup(
        chunk->result_context, KeyOf(*chunk, table->vals[handled - 1], table->tupdesc));
  }
  SPI_freetuptable(table);
}

void PublishKeys(Chunk* chunk) {
  const char* sql = psprintf("%s WHERE %s", chunk->query, chunk->key.same);
  Datum* keys = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  deconstruct_array(chunk->rows->keys, TEXTOID, -1, false, TYPALIGN_INT, &keys, &nulls, &count);
  for (int i = 0; i < count; ++i) Select(chunk, sql, TextDatumGetCString(keys[i]));
}

void PublishBehind(Chunk* chunk) {
  const char* behind = chunk->rows->behind;
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, chunk->query);
  if (behind != nullptr) appendStringInfo(&sql, " WHERE %s", chunk->key.behind);
  appendStringInfo(&sql, " ORDER BY %s LIMIT %d", chunk->key.columns, chunk->rows->limit);
  Select(chunk, sql.data, behind);
}

}  // namespace

RowsPublished PublishRows(const RowsToPublish& rows) {
  Chunk chunk{};
  chunk.rows = &rows;
  chunk.result_context = CurrentMemoryContext;
  if (rows.filter != nullptr) RequireExpression(rows.filter);
  ::Relation relation = LockTable(rows.relation);
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "cannot connect to SPI");
  chunk.row_context =
      AllocSetContextCreate(CurrentMemoryContext, "fraiseql_nats row", ALLOCSET_DEFAULT_SIZES);
  chunk.key = FindBackfillKey(relation);
  chunk.query = BuildQuery(chunk, relation);
  // The snapshot also keeps the row versions until they are locked.
  PushActiveSnapshot(GetLatestSnapshot());
  if (rows.keys != nullptr) {
    PublishKeys(&chunk);
  } else {
    PublishBehind(&chunk);
  }
  PopActiveSnapshot();
  SPI_finish();
  table_close(relation, NoLock);
  return chunk.result;
}

}  // namespace fraiseql::pg
