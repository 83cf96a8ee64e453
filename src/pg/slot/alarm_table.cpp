// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

#include "pg/slot/alarm_table.h"
#include "pg/base/own_objects.h"
#include "pg/base/own_transaction.h"
#include "pg/base/server_text.h"
#include "pg/settings/gucs.h"

namespace fraiseql::pg {

namespace {
constexpr int64_t kRetryMs = 2000;
}

void AlarmTable::Drain(int64_t now_ms) {
  if (entry_->alarm.at == 0 || now_ms < not_before_ms_) return;
  not_before_ms_ = now_ms + kRetryMs;
  LWLockAcquire(shared->lock, LW_SHARED);
  alarm_ = entry_->alarm;
  LWLockRelease(shared->lock);
  inserted_ = false;
  if (!TryOwnTransaction(Insert, this, &error_)) {
    ereport(LOG, (errmsg("could not insert into table fraiseql_nats.alarm: %s", error_.c_str())));
    return;
  }
  if (!inserted_) return;  // another session has locked the table
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  if (entry_->alarm.at == alarm_.at) entry_->alarm = {};
  LWLockRelease(shared->lock);
}

void AlarmTable::Insert(void* argument) {
  auto* self = static_cast<AlarmTable*>(argument);
  const Oid table = FindOwnTable(kAlarmTableName);
  if (!OidIsValid(table) || !ConditionalLockRelationOid(table, RowExclusiveLock)) return;
  Oid types[] = {TIMESTAMPTZOID, TEXTOID, TEXTOID, NAMEOID, TEXTOID, TEXTOID};
  Datum values[] = {TimestampTzGetDatum(self->alarm_.at),
                    CStringGetTextDatum(self->alarm_.message),
                    CStringGetTextDatum(self->alarm_.hint),
                    NameGetDatum(&self->slot_.name),
                    CStringGetTextDatum(self->alarm_.kind),
                    CStringGetTextDatum(FromUtf8Anyhow(settings.stream_name))};
  const int result = SPI_execute_with_args(
      "INSERT INTO fraiseql_nats.alarm (at, kind, message, hint, slot, stream)"
      " VALUES ($1, $5, $2, nullif($3, ''), $4, $6)",
      6, types, values, nullptr, false, 0);
  if (result != SPI_OK_INSERT) elog(ERROR, "%s", SPI_result_code_string(result));
  self->inserted_ = true;
}

}  // namespace fraiseql::pg
