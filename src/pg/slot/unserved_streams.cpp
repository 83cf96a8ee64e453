// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"
}

#include "pg/base/shared_text.h"
#include "pg/slot/slot.h"
#include "pg/slot/unserved_streams.h"

namespace fraiseql::pg {

namespace {

void Warn(const WorkerKey& key, const std::string& stream, const char* reason, const char* hint) {
  const ServerText name(stream);
  const SlotName keeper = OwnSlotName({key.database, kDefaultStream});
  const bool kept = SlotIsReady(keeper.c_str()) && !SlotIsReady(OwnSlotName(key).c_str());
  ereport(WARNING,
          (errmsg("stream \"%s\" is not served: %s", name.c_str(), reason),
           kept ? errdetail("Replication slot \"%s\" of the default stream keeps the log for it.",
                            keeper.c_str())
                : 0,
           errhint("%s", hint)));
}

}  // namespace

void ListStreamEntries(Oid database, const std::vector<StreamRow>& rows, StreamEntry* entries) {
  for (const StreamRow& row : rows) {
    const SlotName slot = OwnSlotName({database, row.number});
    *entries++ = {row.number, row.fingerprint, SlotIsReady(slot.c_str())};
  }
}

void WarnOfUnservedStreams(Oid database, const std::vector<StreamRow>& rows) {
  for (const StreamRow& row : rows) {
    if (row.number == kDefaultStream || FindEntry({database, row.number}) != nullptr) continue;
    Warn({database, row.number}, row.name, WhyNoEntry(), HintForNoEntry());
  }
}

void WarnOfStreamWithoutSlot(const WorkerKey& key, const std::string& stream,
                             const Status& missing) {
  Warn(key, stream, missing.message().c_str(), missing.hint().c_str());
}

const char* WhyNoEntry() {
  return psprintf("\"fraiseql_nats.max_workers\" (%d) is reached", shared->entry_count);
}

const char* HintForNoEntry() {
  return "Increase \"fraiseql_nats.max_workers\" and restart the server, or remove a stream with "
         "fraiseql_nats.drop_stream().";
}

}  // namespace fraiseql::pg
