// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <iterator>

#include "core/base/json_text.h"

extern "C" {
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/partition.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

#include "pg/base/compat.h"
#include "pg/observe/observer_table.h"
#include "pg/decode/relation_cache.h"
#include "pg/base/server_text.h"

namespace fraiseql::pg {

namespace {

RelationCache* live_cache = nullptr;

// Converts first, which may raise, and then assigns.  An invalid name is converted anyhow: the name
// of any table of the database may get here.
void AssignName(const char* name, std::string* target) { target->assign(ToUtf8Anyhow(name)); }

bool IsMember(int index, const Bitmapset* attributes) {
  return bms_is_member(index + 1 - FirstLowInvalidHeapAttributeNumber, attributes);
}

// Like RelationGetIdentityKeyBitmap() for the replica identity: RelationGetIndexAttrBitmap() would
// lock all indexes, and wait for a session that truncates the table.
Bitmapset* PrimaryKey(::Relation relation) {
  list_free(RelationGetIndexList(relation));
  if (!OidIsValid(relation->rd_pkindex)) return nullptr;
  ::Relation index = RelationIdGetRelation(relation->rd_pkindex);
  if (!RelationIsValid(index)) return nullptr;
  Bitmapset* columns = nullptr;
  for (int i = 0; i < index->rd_index->indnkeyatts; ++i) {
    columns = bms_add_member(
        columns, index->rd_index->indkey.values[i] - FirstLowInvalidHeapAttributeNumber);
  }
  RelationClose(index);
  return columns;
}

// The catalogs as of the transactions that committed before this one: the state of the snapshot
// builder, which already includes this commit, without it.  The transaction's own snapshot does not
// work: it advances with its changes, and would give only a part of them to an observer.  Allocated
// in the current memory context.
Snapshot SnapshotBefore(LogicalDecodingContext* context, ReorderBufferTXN* txn) {
  const Snapshot now = BuilderSnapshot(context->snapshot_builder, txn->xid);
  auto* before = static_cast<Snapshot>(palloc(sizeof(SnapshotData)));
  *before = *now;
  before->xip = static_cast<TransactionId*>(palloc(sizeof(TransactionId) * (now->xcnt + 1)));
  before->xcnt = 0;
  const auto is_own = [=](TransactionId xid) {
    if (xid == txn->xid) return true;
    // dlist_foreach() and dlist_container() do not compile as C++.
    const dlist_node* head = &txn->subtxns.head;
    for (const dlist_node* at = head->next; at != nullptr && at != head; at = at->next) {
      const char* child = reinterpret_cast<const char*>(at) - offsetof(ReorderBufferTXN, node);
      if (reinterpret_cast<const ReorderBufferTXN*>(child)->xid == xid) return true;
    }
    return false;
  };
  for (uint32 i = 0; i < now->xcnt; ++i) {
    if (!is_own(now->xip[i])) before->xip[before->xcnt++] = now->xip[i];
  }
  return before;
}

}  // namespace

RelationCache::RelationCache(MemoryContext context, const std::string& stream,
                             CountedObservers* counted)
    : context_(context), counted_(counted) {
  loaded_.stream = stream;
  static bool registered = false;
  if (!registered) {
    CacheRegisterRelcacheCallback(OnInvalidation, 0);
    registered = true;
  }
  live_cache = this;
}

RelationCache::~RelationCache() {
  if (live_cache == this) live_cache = nullptr;
}

// Any catalog access may call this, also while an entry is being filled, so it only marks entries.
void RelationCache::OnInvalidation(Datum, Oid relation) {
  RelationCache* cache = live_cache;
  if (cache == nullptr) return;
  cache->filter_.Forget();
  const Oid observers = cache->loaded_.table;
  if (relation == observers || !OidIsValid(relation) || !OidIsValid(observers)) {
    cache->freshness_.Invalidate();
  }
  for (auto& [oid, entry] : cache->entries_) {
    // An entry depends on its partitioned tables: attaching one changes them all.
    const auto is_it = [=](Oid other) { return other == relation; };
    const bool affected =
        std::any_of(entry.names.begin(), entry.names.end(),
                    [=](const TableName& name) { return name.oid == relation; }) ||
        std::any_of(entry.row_types.begin(), entry.row_types.end(), is_it);
    if (!affected) continue;
    entry.valid = false;
    cache->has_invalid_ = true;
  }
}

void RelationCache::BeginTransaction(LogicalDecodingContext* context, ReorderBufferTXN* txn,
                                     Isolation* isolation) {
  RemoveInvalid();
  const bool has_room = counted_ != nullptr && counted_->TakeRoom();
  if (freshness_.IsFresh() && !has_room) return;
  const uint64_t begin = freshness_.Begin();
  for (auto& [oid, entry] : entries_) Clear(&entry);
  entries_.clear();
  channels_.clear();
  LoadObservers(SnapshotBefore(context, txn), &loaded_, isolation);
  if (counted_ != nullptr) counted_->Assign(loaded_.names, &loaded_.observers);
  router_ = std::make_unique<Router>(std::move(loaded_.observers));
  freshness_.Done(begin);
}

// Entries of dropped tables must not accumulate.
void RelationCache::RemoveInvalid() {
  if (!has_invalid_) return;
  has_invalid_ = false;
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (!at->second.valid) Clear(&at->second);
    at = at->second.valid ? std::next(at) : entries_.erase(at);
  }
}

const std::vector<const Observer*>& RelationCache::FindChannel(std::string_view channel) {
  const auto [entry, is_new] = channels_.try_emplace(std::string(channel));
  if (is_new) entry->second = router_->ResolveChannel(channel);
  return entry->second;
}

const CachedRelation* RelationCache::Find(::Relation relation) {
  CachedRelation* entry = &entries_[RelationGetRelid(relation)];
  if (!entry->valid) {
    // Valid from the start, so that an invalidation during Fill() is not overwritten.
    entry->valid = true;
    Fill(relation, entry);
  }
  if (entry->valid && entry->routes.empty()) filter_.Learn(relation);
  return entry;
}

// A table that is not found counts as observed: without skipping, Postgres says what is wrong.
bool RelationCache::IsObserved(uint64_t file) {
  const Oid space = static_cast<Oid>(file >> 32);
  ::Relation relation = RelationIdGetRelation(RelationOfFile(space, static_cast<uint32>(file)));
  if (!RelationIsValid(relation)) return true;
  const bool observed = !Find(relation)->routes.empty();
  RelationClose(relation);
  return observed;
}

bool RelationCache::LacksChanges(Isolation* isolation) {
  struct Files {
    RelationCache* cache;
    const SkippedChanges* skipped;
    bool observed;
  } files{this, &filter_.skipped(), false};
  if (files.skipped->file_count == 0) return false;
  const char* error = isolation->Try(
      [](void* argument) {
        auto* self = static_cast<Files*>(argument);
        for (uint32_t i = 0; i < self->skipped->file_count && !self->observed; ++i) {
          self->observed = self->cache->IsObserved(self->skipped->files[i]);
        }
      },
      &files);
  return error != nullptr || files.observed;
}

void RelationCache::Forget(::Relation relation) { Clear(&entries_[RelationGetRelid(relation)]); }

// Not done by a destructor: when the cache is destroyed, its memory context is already deleted.
void RelationCache::Clear(CachedRelation* entry) {
  if (entry->context != nullptr) MemoryContextDelete(entry->context);
  *entry = {};
}

void RelationCache::Fill(::Relation relation, CachedRelation* entry) {
  Clear(entry);
  entry->valid = true;
  FillNames(relation, entry);
  if (!router_->Observes(entry->names)) return;
  const char* schema = get_namespace_name(RelationGetNamespace(relation));
  entry->relation.id = RelationGetRelid(relation);
  AssignName(schema != nullptr ? schema : "", &entry->relation.schema);
  AssignName(RelationGetRelationName(relation), &entry->relation.table);
  entry->full_identity = relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL;
  entry->context = AllocSetContextCreate(context_, "fraiseql_nats table", ALLOCSET_SMALL_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(entry->context);
  DescribeColumns(relation, entry);
  MemoryContextSwitchTo(old);
  entry->routes = router_->Resolve(entry->relation, entry->names);
  FillTests(relation, entry);
}

void RelationCache::FillNames(::Relation relation, CachedRelation* entry) {
  const Oid oid = RelationGetRelid(relation);
  entry->names.push_back({oid, {}});
  AssignName(RelationGetRelationName(relation), &entry->names.back().table);
  if (!relation->rd_rel->relispartition) return;
  List* ancestors = get_partition_ancestors(oid);
  ListCell* cell;
  foreach (cell, ancestors) {
    const char* name = get_rel_name(lfirst_oid(cell));
    entry->names.push_back({lfirst_oid(cell), {}});
    AssignName(name != nullptr ? name : "", &entry->names.back().table);
  }
}

void DescribeColumns(::Relation relation, CachedRelation* entry) {
  TupleDesc desc = RelationGetDescr(relation);
  const Bitmapset* identity = RelationGetIdentityKeyBitmap(relation);
  const Bitmapset* primary = PrimaryKey(relation);
  const Bitmapset* key = bms_is_empty(primary) ? identity : primary;
  int id_column = -1;
  for (int i = 0; i < desc->natts; ++i) {
    Form_pg_attribute attribute = TupleDescAttr(desc, i);
    if (attribute->attisdropped || IsVirtual(attribute)) continue;
    const int position = static_cast<int>(entry->attributes.size());
    entry->attributes.push_back(
        {i, MakeEncoder(attribute->atttypid, &entry->row_types), IsMember(i, identity)});
    entry->relation.columns.emplace_back();
    Column& column = entry->relation.columns.back();
    AssignName(NameStr(attribute->attname), &column.name);
    AppendJsonString(column.name, &column.json_key);
    column.json_key.push_back(':');
    if (column.name == "id") id_column = position;
    column.is_key = column.name == "id" || IsMember(i, key);
    if (IsMember(i, key)) entry->relation.key.push_back(position);
  }
  entry->relation.identity = entry->relation.key;
  if (id_column >= 0) entry->relation.identity = {id_column};
}

void RelationCache::FillTests(::Relation relation, CachedRelation* entry) {
  auto* positions = static_cast<int*>(
      palloc(sizeof(int) * static_cast<size_t>(RelationGetNumberOfAttributes(relation) + 1)));
  for (size_t i = 0; i < entry->attributes.size(); ++i) {
    positions[entry->attributes[i].index] = static_cast<int>(i);
  }
  for (const Route& route : entry->routes) {
    entry->tests.push_back(nullptr);
    const std::string& filter = route.observer->filter;
    if (filter.empty()) continue;
    if (entry->tested_rows == nullptr)
      entry->tested_rows = MakeTestedRows(relation, entry->context);
    entry->tests.back() = MakeRowTest(filter.c_str(), relation, positions, entry->tested_rows);
  }
}

}  // namespace fraiseql::pg
