// SPDX-License-Identifier: PostgreSQL
#include <cstdlib>
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
#include "pg/slot/slot.h"
#include "pg/slot/unserved_streams.h"
#include "pg/worker/stream_settler.h"

namespace fraiseql::pg {

namespace {
constexpr int64_t kRetryMs = 1000;
constexpr int64_t kPatienceMs = 1000;  // a slot is copied in less
// An entry becomes free when another database has one less; at the start soon, since the launcher
// looks for the extension in one database after another.
constexpr int64_t kEntryRetryMs = 5000;
constexpr int kWarnAfter = 2;  // attempts

// The further streams that have a slot of this database.
std::vector<StreamEntry> FindSlots(Oid database) {
  const std::string prefix = std::string(OwnSlotName({database, kDefaultStream}).c_str()) + "_";
  std::vector<StreamEntry> streams;
  for (const SlotName& slot : SlotsWithPrefix(prefix)) {
    if (!IsWorkerSlot(slot.c_str(), database)) continue;
    const auto number = static_cast<int32>(strtol(slot.c_str() + prefix.size(), nullptr, 10));
    streams.push_back({number, 0, true});
  }
  return streams;
}

}  // namespace

void StreamSettler::Run(int64_t now_ms) {
  const bool lacks_entries = worker_.stream == kDefaultStream && LacksEntries(entry_);
  if ((done_ && !lacks_entries) || now_ms < not_before_ms_) return;
  not_before_ms_ = now_ms + (failures_ < kWarnAfter ? kRetryMs : kEntryRetryMs);
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
  const Oid database = settler->worker_.database;
  const int count = static_cast<int>(rows.size());
  auto* streams = static_cast<StreamEntry*>(palloc(sizeof(StreamEntry) * Max(rows.size(), 1)));
  ListStreamEntries(database, rows, streams);
  const bool all = ReserveStreams(database, streams, count);
  // The server may have stopped between the commit that dropped a stream and the end of its slot.
  // SettleStreams() ends what has an entry and no row.
  const std::vector<StreamEntry> slots = FindSlots(database);
  (void)ReserveStreams(database, slots.data(), static_cast<int>(slots.size()));
  SettleStreams(database, streams, count);
  settler->done_ = true;
  settler->failures_ = all ? 0 : settler->failures_ + 1;
  if (settler->failures_ == kWarnAfter) WarnOfUnservedStreams(database, rows);
}

bool StreamSettler::HoldsSlot() const {
  return worker_.stream == kDefaultStream && (!done_ || AwaitsSlots(entry_));
}

Status StreamSettler::HeldNotice(int64_t now_ms) {
  if (!HoldsSlot()) {
    held_since_ms_ = 0;
  } else if (held_since_ms_ == 0) {
    held_since_ms_ = now_ms;
  } else if (now_ms - held_since_ms_ >= kPatienceMs) {
    return Status::Unavailable("the slot keeps the log for a stream that has no slot yet",
                               "See the row of that stream in fraiseql_nats.status().");
  }
  return Status::Ok();
}

}  // namespace fraiseql::pg
