// SPDX-License-Identifier: PostgreSQL
#pragma once

// What decoding needs to know about each table, read once and dropped when the log says that the
// table or an observer has changed.  Include after postgres.h.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/change/change.h"
#include "core/route/router.h"
#include "pg/observe/observer_table.h"
#include "pg/shared/counted_observers.h"
#include "pg/base/own_objects.h"
#include "pg/decode/row_test.h"
#include "pg/decode/transaction_filter.h"
#include "pg/base/type_encoder.h"

extern "C" {
#include "replication/logical.h"
#include "replication/reorderbuffer.h"
#include "utils/relcache.h"
}

namespace fraiseql::pg {

// A table as of the current place of the log: its columns, their encoders, its routes.
struct CachedRelation {
  bool valid = false;
  MemoryContext context = nullptr;  // of everything it points to; null: nothing
  std::vector<Oid> row_types;       // the relations of its composite types
  ::fraiseql::Relation relation;
  struct Attribute {
    int index;  // in the tuple, from 0
    const TypeEncoder* encoder;
    bool is_key;  // of the replica identity: a key-only old tuple has it
  };
  std::vector<Attribute> attributes;  // one for each column of `relation`
  std::vector<Route> routes;
  std::vector<const RowTest*> tests;  // one for each route; null: it takes every row
  TestedRows* tested_rows = nullptr;  // null without a test
  std::vector<TableName> names;       // of the table, and of the partitioned tables above it
  bool full_identity = false;         // REPLICA IDENTITY FULL: old tuples are whole rows
};

// Fills `relation.columns`, what identifies a row, `attributes` and `row_types`; encoders are made
// in the current memory context.  May raise.
void DescribeColumns(::Relation relation, CachedRelation* entry);

// One per decoding process at a time: Postgres cannot unregister a relcache callback, so the
// process's only callback refers to the cache that exists now.
class RelationCache {
 public:
  // `context` holds the entries; it must outlive the cache.  `stream`: whose observers count;
  // empty: the default stream.  `counted` (null: observers are not counted) is not owned.
  RelationCache(MemoryContext context, const std::string& stream, CountedObservers* counted);
  ~RelationCache();
  RelationCache(const RelationCache&) = delete;
  RelationCache& operator=(const RelationCache&) = delete;

  // Begins a transaction: until the next call, the observers are those that were committed before
  // the transaction's commit, whatever it or others changed while it ran.  If isolation is on, an
  // observer that cannot be read observes nothing and is listed in unreadable().  May raise.
  void BeginTransaction(LogicalDecodingContext* context, ReorderBufferTXN* txn,
                        Isolation* isolation);
  // Why observers could not be read, at the last read.
  const std::vector<std::string>& unreadable() const { return loaded_.unreadable; }

  // The entry of the relation as of this place of the log.  Owned by the cache, valid until the
  // next call.  May raise.
  const CachedRelation* Find(::Relation relation);

  // Whether changes of the transaction were skipped whose table has an observer after all: one may
  // have been made since.
  bool LacksChanges(Isolation* isolation);

  // Removes an entry that a failed Find() may have left incomplete.
  void Forget(::Relation relation);

  // The observers of a channel as of this place of the log.  Owned by the cache, valid until the
  // next call.  May raise.
  const std::vector<const Observer*>& FindChannel(std::string_view channel);

  TransactionFilter& filter() { return filter_; }

  // The prefix of our logical messages; empty without the extension.
  const std::string& message_prefix() const { return loaded_.message_prefix; }

 private:
  static void OnInvalidation(Datum, Oid relation);
  bool IsObserved(uint64_t file);
  void RemoveInvalid();
  void Clear(CachedRelation* entry);
  void Fill(::Relation relation, CachedRelation* entry);
  void FillNames(::Relation relation, CachedRelation* entry);
  void FillTests(::Relation relation, CachedRelation* entry);

  const MemoryContext context_;
  CountedObservers* const counted_;
  std::unordered_map<Oid, CachedRelation> entries_;
  std::unordered_map<std::string, std::vector<const Observer*>> channels_;
  std::unique_ptr<Router> router_;
  LoadedObservers loaded_;
  bool has_invalid_ = false;  // entries, which BeginTransaction() removes
  Freshness freshness_;       // of the observers
  TransactionFilter filter_;
};

}  // namespace fraiseql::pg
