// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

#include "core/change/message.h"
#include "pg/base/compat.h"
#include "pg/settings/gucs.h"
#include "pg/base/guard.h"
#include "pg/capture/log_writer.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"

namespace fraiseql::pg {

namespace {

constexpr size_t kKeptCapacity = 64 * 1024;

// The prefix that makes a logical message ours, or null if the extension is not installed.  It is
// read once per session and installation: it never changes while the table exists.
const char* MessagePrefix() {
  static Oid cached_table = InvalidOid;
  static char cached_prefix[NAMEDATALEN];
  const Oid table = FindOwnTable(kSecretTableName);
  if (!OidIsValid(table)) return nullptr;
  if (table == cached_table) return cached_prefix;
  ::Relation relation = table_open(table, AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(GetTransactionSnapshot());
  SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, snapshot, 0, nullptr);
  HeapTuple tuple = systable_getnext(scan);
  bool is_null = true;
  Datum value = 0;
  if (HeapTupleIsValid(tuple)) value = heap_getattr(tuple, 1, RelationGetDescr(relation), &is_null);
  if (!is_null) {
    strlcpy(cached_prefix, TextDatumGetCString(value), sizeof(cached_prefix));
    cached_table = table;
  }
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(relation, AccessShareLock);
  return is_null ? nullptr : cached_prefix;
}

// The body lives in a buffer of the session, so that an error leaks nothing.
std::string& Body() {
  static auto* body = new std::string;
  body->clear();
  return *body;
}

// Postgres itself cannot read a record of 1 GB again, and no broker accepts a larger message.
void RequireSmall(const LoggedMessage& message) {
  const size_t size = LoggedSize(message);
  if (size <= kMaxMessageBytes) return;
  ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                  errmsg("message of %zu bytes is too large to be published", size),
                  errdetail("A message has at most %zu bytes, with its headers.", kMaxMessageBytes),
                  errhint("Store the data elsewhere, and publish a reference to it.")));
}

}  // namespace

XLogRecPtr WriteToLogIfInstalled(const LoggedMessage& message) {
  RequireSmall(message);
  const char* prefix = MessagePrefix();
  if (prefix == nullptr) return InvalidXLogRecPtr;
  return Guard([&] {
    std::string& body = Body();
    AppendLoggedMessage(message, &body);
    const XLogRecPtr end = LogMessage(prefix, body.data(), body.size());
    if (body.capacity() > kKeptCapacity) std::string().swap(body);
    return end;
  });
}

XLogRecPtr WriteToLog(const LoggedMessage& message) {
  const XLogRecPtr end = WriteToLogIfInstalled(message);
  if (XLogRecPtrIsInvalid(end)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("extension \"fraiseql_nats\" is not installed in this database"),
                    errhint("Run CREATE EXTENSION fraiseql_nats.")));
  }
  return end;
}

void RequireLogicalLog(const char* action) {
  if (settings.capture == kCaptureNotify) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("cannot %s: \"fraiseql_nats.capture\" is \"notify\"", action),
                    errdetail("With this setting no worker reads the log."),
                    errhint("Send a notification on an observed channel instead.")));
  }
  if (XLogLogicalInfoActive()) return;
  if (CanBeLogical()) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("cannot %s: the log is not logical before there is a slot", action),
                    errhint("See fraiseql_nats.status() for what the worker waits for.")));
  }
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("cannot %s: \"wal_level\" is not \"%s\"", action, kNeededWalLevelName),
           errhint("Set \"wal_level\" to \"%s\" and restart the server.", kNeededWalLevelName)));
}

}  // namespace fraiseql::pg
