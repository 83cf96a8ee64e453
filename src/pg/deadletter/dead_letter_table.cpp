// SPDX-License-Identifier: PostgreSQL
#include <cinttypes>
#include <cstdlib>

#include "core/base/header_json.h"
#include "core/change/message.h"

extern "C" {
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"
}

#include "pg/deadletter/dead_letter_table.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"
#include "pg/base/own_transaction.h"
#include "pg/base/server_text.h"
#include "pg/base/subtransaction.h"
#include "pg/base/unix_time.h"

namespace fraiseql::pg {

namespace {

constexpr int64_t kIntervalMs = 1000;  // each transaction makes the decoding reload its caches
constexpr int64_t kPauseMs = 200;      // if one transaction could not take everything
constexpr int64_t kAfterTroubleMs = 10000;
constexpr int64_t kLongestUs = 100000;  // of one transaction, during which nothing is published

// A larger payload does not fit into a row with the other columns.
constexpr size_t kMaxPayload = 1000000000;

constexpr char kInsert[] =
    "INSERT INTO fraiseql_nats.dead_letter (subject, headers, payload, payload_bytes, reason, "
    "hint, "
    "\"position\", msg_id, xid, commit_lsn, commit_time, attempts, rejected_at, stream) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "
    "ON CONFLICT (\"position\", stream) DO NOTHING";
constexpr int kColumns = 14;
Oid column_types[kColumns] = {TEXTOID,        JSONBOID, BYTEAOID,       INT8OID, TEXTOID,
                              TEXTOID,        TEXTOID,  TEXTOID,        XIDOID,  LSNOID,
                              TIMESTAMPTZOID, INT4OID,  TIMESTAMPTZOID, TEXTOID};

Datum TextDatum(std::string_view text) { return CStringGetTextDatum(FromUtf8Anyhow(text)); }

Datum BytesDatum(std::string_view bytes) {
  auto* datum = static_cast<bytea*>(palloc(VARHDRSZ + bytes.size()));
  SET_VARSIZE(datum, VARHDRSZ + bytes.size());
  memcpy(VARDATA(datum), bytes.data(), bytes.size());
  return PointerGetDatum(datum);
}

Datum TimeDatum(int64_t unix_us) { return TimestampTzGetDatum(FromUnixUs(unix_us)); }

}  // namespace

void DeadLetterTable::Drain(int64_t now_ms) {
  if (spool_->empty() || now_ms < not_before_ms_) return;
  not_before_ms_ = now_ms + kIntervalMs;
  locked_out_ = false;
  const uint64_t before = inserted_;
  if (TryOwnTransaction(InsertSome, this, &error_)) {
    trouble_.clear();
    if (locked_out_) return;
    one_by_one_ = false;
    spool_->Forget();
    if (!spool_->empty()) {
      not_before_ms_ = now_ms + kPauseMs;
    } else if (inserted_ > 0) {
      ereport(LOG, (errmsg("%" PRIu64 " dead letters are in the table fraiseql_nats.dead_letter",
                           inserted_),
                    errhint("See fraiseql_nats.dead_letters().")));
      inserted_ = 0;
    }
    return;
  }
  inserted_ = before;
  one_by_one_ = true;
  spool_->Rewind();
  not_before_ms_ = now_ms + kAfterTroubleMs;
  if (error_ == trouble_) return;
  trouble_ = error_;
  ereport(LOG, (errmsg("could not insert into table fraiseql_nats.dead_letter: %s", error_.c_str()),
                errdetail("They stay in the worker's file until they can be inserted.")));
}

void DeadLetterTable::InsertSome(void* argument) {
  auto* self = static_cast<DeadLetterTable*>(argument);
  // A session that holds a lock on the table (VACUUM FULL, an uncommitted DROP EXTENSION) must not
  // delay publishing.
  const Oid table = FindOwnTable(kDeadLetterTableName);
  self->locked_out_ = !OidIsValid(table) || !ConditionalLockRelationOid(table, RowExclusiveLock);
  if (self->locked_out_) return;
  const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kLongestUs / 1000);
  const MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "fraiseql_nats dead letter",
                                                  ALLOCSET_DEFAULT_SIZES);
  DeadLetterRecord record;
  while (GetCurrentTimestamp() < until && self->spool_->Read(&record)) {
    const MemoryContext old = MemoryContextSwitchTo(row);
    self->InsertAnyhow(record);
    MemoryContextSwitchTo(old);
    MemoryContextReset(row);
  }
}

// One dead letter that cannot be inserted must not block the others: after an error each is
// inserted in a subtransaction, and if that fails again without headers and payload.
void DeadLetterTable::InsertAnyhow(const DeadLetterRecord& record) {
  record_ = &record;
  if (!one_by_one_) return InsertRecord(this);
  const char* error = TryInSubtransaction(InsertRecord, this, Tolerance::kOwnFault);
  if (error == nullptr) return;
  DeadLetterRecord rest = record;
  const std::string reason =
      std::string(record.reason) + " (headers and payload cannot be stored: " + error + ")";
  rest.headers = {};
  rest.payload = {};
  rest.reason = reason;
  record_ = &rest;
  InsertRecord(this);  // if that fails, the table is the cause and not the record
}

void DeadLetterTable::InsertRecord(void* self) {
  auto* table = static_cast<DeadLetterTable*>(self);
  table->Insert(*table->record_);
}

void DeadLetterTable::Insert(const DeadLetterRecord& record) {
  json_.clear();
  AppendHeadersAsJson(record.headers, &json_);
  const std::string_view xid = FindHeader(record.headers, "Fraiseql-Xid");
  const bool too_large = record.payload.size() > kMaxPayload;
  Datum values[kColumns];
  char nulls[kColumns + 1];
  memset(nulls, ' ', sizeof(nulls));
  values[0] = TextDatum(record.subject);
  values[1] = DirectFunctionCall1(jsonb_in, CStringGetDatum(FromUtf8Anyhow(json_)));
  nulls[2] = too_large ? 'n' : ' ';
  values[2] = too_large ? Datum{0} : BytesDatum(record.payload);
  values[3] = Int64GetDatum(static_cast<int64>(record.payload.size()));
  values[4] = TextDatum(record.reason);
  nulls[5] = record.hint.empty() ? 'n' : ' ';
  values[5] = TextDatum(record.hint);
  values[6] = TextDatum(record.position);
  values[7] = TextDatum(MessageIdOf(record.headers));
  nulls[8] = xid.empty() ? 'n' : ' ';
  values[8] = TransactionIdGetDatum(
      static_cast<TransactionId>(strtoul(pnstrdup(xid.data(), xid.size()), nullptr, 10)));
  nulls[9] = record.commit_lsn == 0 ? 'n' : ' ';
  values[9] = LSNGetDatum(record.commit_lsn);
  values[10] = TimeDatum(record.commit_time_us);
  values[11] = Int32GetDatum(static_cast<int32>(record.attempts));
  values[12] = TimeDatum(record.rejected_at_us);
  values[13] = TextDatum(stream_);
  const int result =
      SPI_execute_with_args(kInsert, kColumns, column_types, values, nulls, false, 0);
  if (result != SPI_OK_INSERT) elog(ERROR, "%s", SPI_result_code_string(result));
  inserted_ += SPI_processed;
}

}  // namespace fraiseql::pg
