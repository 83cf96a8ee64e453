// SPDX-License-Identifier: PostgreSQL
#include <string>
#include <vector>

extern "C" {
#include "postgres.h"
}

#include "pg/base/guard.h"
#include "pg/base/own_objects.h"
#include "pg/base/own_transaction.h"
#include "pg/settings/stream_rows.h"
#include "pg/shared/stream_entries.h"
#include "pg/worker/stream_settler.h"

namespace fraiseql::pg {

namespace {
constexpr int64_t kRetryMs = 1000;
}

void StreamSettler::Run(int64_t now_ms) {
  if (done_ || worker_.stream != kDefaultStream || now_ms < not_before_ms_) return;
  not_before_ms_ = now_ms + kRetryMs;
  std::string error;
  if (!TryOwnTransaction(Settle, this, &error)) {
    ereport(LOG, (errmsg("could not read the table fraiseql_nats.stream: %s", error.c_str())));
  }
}

void StreamSettler::Settle(void* self) {
  auto* settler = static_cast<StreamSettler*>(self);
  const Oid table = FindOwnTable(kStreamTableName);
  // The session that holds the lock changes the rows, and settles them all at its commit.  If it
  // rolls back, the next attempt settles them.
  if (!OidIsValid(table) || !LockStreams(false)) return;
  auto& rows = *NewInContext<std::vector<StreamRow>>(CurrentMemoryContext);
  LoadStreamRows(&rows);
  std::vector<StreamEntry> streams;
  for (const StreamRow& row : rows) streams.push_back({row.number, row.fingerprint});
  const Oid database = settler->worker_.database;
  const int count = static_cast<int>(streams.size());
  const int32 without_place = ReserveStreams(database, streams.data(), count);
  SettleStreams(database, streams.data(), count);
  settler->done_ = true;
  if (without_place == kDefaultStream) return;
  ereport(WARNING, (errmsg("stream %d is not served: fraiseql_nats.max_workers (%d) is reached",
                           without_place, shared->entry_count),
                    errhint("Increase \"fraiseql_nats.max_workers\" and restart the server.")));
}

}  // namespace fraiseql::pg
