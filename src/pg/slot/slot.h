// SPDX-License-Identifier: PostgreSQL
#pragma once

// The replication slots of a database: fraiseql_nats_<database OID> of its default stream,
// fraiseql_nats_<database OID>_<number> of each further one; logical, permanent, of our plugin.
// Everything here may raise.  Include after postgres.h.

#include <string>
#include <vector>

extern "C" {
#include "access/xlogdefs.h"
#include "replication/slot.h"
}

#include "pg/base/worker_key.h"

namespace fraiseql::pg {

struct SlotName {
  NameData name;
  const char* c_str() const { return NameStr(name); }
};
SlotName OwnSlotName(const WorkerKey& worker);

// Whether it is the name of the slot of a worker of this database.
bool IsWorkerSlot(const char* name, Oid database);

bool SlotExists(const char* name);

// A slot that is there for good: not one that is just being made, nor one that was invalidated.
bool SlotIsReady(const char* name);

// What has become of a slot.
struct SlotCondition {
  bool exists = false;
  int active_pid = 0;                          // of the process that has acquired it; 0: none
  const char* lost = nullptr;                  // why it has been invalidated; null: it has not
  XLogRecPtr restart_lsn = InvalidXLogRecPtr;  // the log is kept from here on
  XLogRecPtr confirmed = InvalidXLogRecPtr;    // what committed before will not be read again
};
SlotCondition InspectSlot(const char* name);

// Whether one more slot can be made.
bool HasFreeSlot();

// The names of the slots that begin so.
std::vector<SlotName> SlotsWithPrefix(const std::string& prefix);

// Makes a slot of our plugin in the current database and leaves it acquired.  Waits for the
// transactions that run now, since their changes cannot be decoded.  On an error, or when the
// process ends meanwhile, nothing is left behind.
void MakeSlot(const char* name, bool temporary);

// Makes a persistent slot that begins where `from` is now.  False with the reason if it cannot be
// done: `from` is not there, say.  REQUIRES: no transaction is active and no slot acquired.
bool CopySlot(const char* from, const char* name, std::string* error);

// Acquires a slot that exists, when nobody else has it any more; false, and nothing is acquired, if
// it has been invalidated.
bool AcquireUsableSlot(const char* name);

// Drops the slot if it exists; the one who calls holds no slot.  Waits, interruptibly, for whoever
// has acquired it.
void DropSlot(const char* name);
// The same, but false instead of waiting.
bool TryDropSlot(const char* name);

}  // namespace fraiseql::pg
