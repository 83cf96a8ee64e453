// SPDX-License-Identifier: PostgreSQL
#pragma once

// What decoding needs to know of each table, made once and dropped when the log says that the table
// or an observer has changed.  Include after postgres.h.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/change/change.h"
#include "core/route/router.h"
#include "pg/observe/observer_table.h"
#include "pg/base/own_objects.h"
#include "pg/decode/row_test.h"
#include "pg/base/type_encoder.h"

extern "C" {
#include "replication/logical.h"
#include "replication/reorderbuffer.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// A table as the log has it now: its columns, how they are written, where its changes go.
struct CachedRelation {
  bool valid = false;
  MemoryContext context = nullptr;  // of all that it points to; null: nothing
  std::vector<Oid> row_types;       // the relations of composite types in it
  ::fraiseql::Relation relation;
  struct Attribute {
    int index;  // in the tuple, from 0
    const TypeEncoder* encoder;
    bool is_key;  // of the replica identity: what a key-only old tuple holds
  };
  std::vector<Attribute> attributes;  // one for each column of `relation`
  std::vector<Route> routes;
  std::vector<const RowTest*> tests;  // one for each route; null: it takes every row
  TestedRows* tested_rows = nullptr;  // if there is any test
  std::vector<TableName> names;       // its own, and those of the partitioned tables above it
  bool full_identity = false;         // REPLICA IDENTITY FULL: old tuples are whole rows
};

// One to a decoding process at a time: Postgres cannot take a relcache callback back, so the one of
// the process speaks to the cache that exists now.
class RelationCache {
 public:
  // `context` is where entries live; it must outlive the cache.  `stream`: whose observers matter;
  // empty: those of the default stream.
  RelationCache(MemoryContext context, const std::string& stream);
  ~RelationCache();
  RelationCache(const RelationCache&) = delete;
  RelationCache& operator=(const RelationCache&) = delete;

  // A transaction begins: from here to the next call the observers are those that had been
  // committed before it committed, whatever it or others did to them while it ran.  An observer
  // that cannot be read observes nothing, if that is isolated, and is told of in unreadable().  May
  // raise.
  void BeginTransaction(LogicalDecodingContext* context, ReorderBufferTXN* txn,
                        Isolation* isolation);
  // Why observers could not be read, of those that were read last.
  const std::vector<std::string>& unreadable() const { return loaded_.unreadable; }

  // The entry of the relation, current at this place of the log.  Owned by the cache, valid until
  // the next call.  May raise.
  const CachedRelation* Find(::Relation relation);

  // Forgets what Find() may have left unfinished.
  void Forget(::Relation relation);

  // The observers of a notification on this channel, at this place of the log.  Owned by the cache,
  // valid until the next call.  May raise.
  const std::vector<const Observer*>& FindChannel(std::string_view channel);

  // The prefix of our logical messages; empty if there is no extension.
  const std::string& message_prefix() const { return loaded_.message_prefix; }

 private:
  static void OnInvalidation(Datum, Oid relation);
  void RemoveInvalid();
  void Clear(CachedRelation* entry);
  void Fill(::Relation relation, CachedRelation* entry);
  void FillNames(::Relation relation, CachedRelation* entry);
  void FillColumns(::Relation relation, CachedRelation* entry);
  void FillTests(::Relation relation, CachedRelation* entry);

  const MemoryContext context_;
  std::unordered_map<Oid, CachedRelation> entries_;
  std::unordered_map<std::string, std::vector<const Observer*>> channels_;
  std::unique_ptr<Router> router_;
  LoadedObservers loaded_;
  bool has_invalid_ = false;  // entries; they go when the next transaction begins
  Freshness freshness_;       // of the observers
};

}  // namespace fraiseql::pg
