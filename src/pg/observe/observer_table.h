// SPDX-License-Identifier: PostgreSQL
#pragma once

// The tables fraiseql_nats.observer and fraiseql_nats.secret, as of a place in the log.  Both are
// user catalog tables, so that logical decoding may read them with its historic snapshot: an
// observer applies to exactly the transactions that commit after its own.  Include after
// postgres.h.

#include <optional>
#include <string>
#include <vector>

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/snapshot.h"
}

#include "core/route/observer.h"
#include "pg/base/isolation.h"

namespace fraiseql::pg {

constexpr char kObserverTableName[] = "observer";
// One row: the prefix of our logical messages.  Any role may write logical messages, so only a
// secret prefix proves the right to publish.
constexpr char kSecretTableName[] = "secret";

// Raises unless the changes of the table are logged, and the current user may read it.
void RequireObservableTable(Oid table);

// One row of the observer table, as text in UTF-8; null becomes empty.
struct ObserverRow {
  std::string name;
  Oid relation = InvalidOid;  // InvalidOid: null
  std::string channel;
  std::vector<std::string> events;
  std::string subject;
  std::string format;
  std::string source;
  std::string condition;
  std::string filter;
  std::string entity;
  std::string change_origin;
  std::string stream;
  std::vector<std::string> columns;
  bool has_columns = false;  // not null
  bool enabled = false;
};

// May raise; `*row` must survive that.
void ReadObserverRow(HeapTuple tuple, TupleDesc desc, ObserverRow* row);

// Turns a row into an observer; kInvalid with the reason if the row is invalid.
Status ParseObserver(const ObserverRow& row, Observer* observer);

// The content of the tables.
struct LoadedObservers {
  // The stream whose observers are loaded, empty: the default stream; nullopt: all streams.
  std::optional<std::string> stream;
  Oid table = InvalidOid;           // the observer table; InvalidOid: the extension does not exist
  std::vector<Observer> observers;  // the enabled ones
  std::vector<std::string> names;   // of all, also of those that are disabled
  std::string message_prefix;       // of our logical messages
  std::vector<std::string> unreadable;  // why rows of the table could not be read, as UTF-8
  ObserverRow row;                      // scratch
};

// Reads the tables as `snapshot` sees them (null: the snapshot of the catalogs).  Takes no lock, so
// that it blocks no session.  May raise, unless `isolation` (null: none) is on; `*loaded` must
// survive that.  REQUIRES: a decoding callback or a transaction.
void LoadObservers(Snapshot snapshot, LoadedObservers* loaded, Isolation* isolation = nullptr);

}  // namespace fraiseql::pg
