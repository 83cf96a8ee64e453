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

// Whether `name` is the name of a slot of a worker of this database.
bool IsWorkerSlot(const char* name, Oid database);

bool SlotExists(const char* name);

// Whether the slot is persistent and valid: neither being created nor invalidated.
bool SlotIsReady(const char* name);

// The state of a slot.
struct SlotCondition {
  bool exists = false;
  int active_pid = 0;                          // the process that has acquired it; 0: none
  const char* lost = nullptr;                  // why it was invalidated; null: it was not
  XLogRecPtr restart_lsn = InvalidXLogRecPtr;  // the log is kept from here on
  XLogRecPtr confirmed = InvalidXLogRecPtr;    // earlier commits will not be decoded again
};
SlotCondition InspectSlot(const char* name);

// Whether one more slot can be created.
bool HasFreeSlot();

// The names of the slots that begin with `prefix`.
std::vector<SlotName> SlotsWithPrefix(const std::string& prefix);

// Creates a slot of our plugin in the current database and leaves it acquired.  Waits for the
// running transactions, since their changes cannot be decoded.  An error, or the end of the
// process, leaves no slot.
void MakeSlot(const char* name, bool temporary);

// Creates a persistent slot at the current position of `from`.  False with the reason if that is
// not possible, because `from` does not exist for example.  REQUIRES: no transaction is active and
// no slot acquired.
bool CopySlot(const char* from, const char* name, std::string* error);

// Acquires a slot that exists, once no other process holds it; false, and nothing is acquired, if
// it has been invalidated.
bool AcquireUsableSlot(const char* name);

// Drops the slot if it exists.  Waits, interruptibly, for the process that has acquired it.
// REQUIRES: the caller has acquired no slot.
void DropSlot(const char* name);
// The same, but returns false instead of waiting.
bool TryDropSlot(const char* name);

}  // namespace fraiseql::pg
