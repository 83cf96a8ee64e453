// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

extern "C" {
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

#include "pg/base/guard.h"
#include "pg/base/server_text.h"
#include "pg/observe/observer_bucket.h"
#include "pg/observe/observer_table.h"

namespace fraiseql::pg {

namespace {

bool IsPublished(const Observer& observer, const char* name) {
  const std::vector<std::string>& columns = observer.columns;
  return columns.empty() || std::any_of(columns.begin(), columns.end(), [=](const auto& column) {
           return strcmp(FromUtf8Anyhow(column), name) == 0;
         });
}

// `consequence` says what happens to such rows.
void Warn(const Observer& observer, ::Relation relation, const char* column,
          const char* consequence, const WarningSink& sink) {
  GiveWarning(
      sink, {psprintf("observer \"%s\" needs values of column \"%s\" that are not logged",
                      observer.name.c_str(), column),
             consequence,
             psprintf("Run ALTER TABLE %s REPLICA IDENTITY FULL.",
                      quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                                 RelationGetRelationName(relation)))});
}

const char* NameOfColumn(::Relation relation, int member) {
  return get_attname(RelationGetRelid(relation),
                     static_cast<AttrNumber>(member + FirstLowInvalidHeapAttributeNumber), false);
}

void WarnOfKey(const Observer& observer, ::Relation relation, const WarningSink& sink) {
  const Bitmapset* logged = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_IDENTITY_KEY);
  Bitmapset* key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
  const int missing = bms_next_member(bms_difference(key, logged), -1);
  if (missing < 0) return;
  Warn(observer, relation, NameOfColumn(relation, missing),
       "The old key of a row that is deleted or gets another key is not in the log: its change "
       "becomes a dead letter, and the key stays in the bucket.",
       sink);
}

// The bucket takes whole rows.
void WarnOfToast(const Observer& observer, ::Relation relation, const WarningSink& sink) {
  TupleDesc desc = RelationGetDescr(relation);
  for (int i = 0; i < desc->natts; ++i) {
    const FormData_pg_attribute* attribute = TupleDescAttr(desc, i);
    const char* name = NameStr(attribute->attname);
    const bool may_be_large = attribute->attstorage == TYPSTORAGE_EXTENDED ||
                              attribute->attstorage == TYPSTORAGE_EXTERNAL;
    if (attribute->attisdropped || !may_be_large || !IsPublished(observer, name)) continue;
    Warn(observer, relation, name,
         "A large value that an UPDATE leaves as it was is not in the log: the change becomes a "
         "dead letter.",
         sink);
    return;
  }
}

}  // namespace

void RequireBucket(const Observer& observer, ::Relation relation) {
  const bool has_key =
      !bms_is_empty(RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY)) ||
      !bms_is_empty(RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_IDENTITY_KEY));
  if (!has_key) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" has no key", RelationGetRelationName(relation)),
                    errdetail("A bucket names each row by its key."),
                    errhint("Add a primary key, or set REPLICA IDENTITY USING INDEX.")));
  }
  auto* loaded = NewInContext<LoadedObservers>(CurrentMemoryContext);
  LoadObservers(nullptr, loaded);
  for (const Observer& other : loaded->observers) {
    if (other.stream != observer.stream || other.name == observer.name) continue;
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_IN_USE),
             errmsg("bucket \"%s\" has the rows of observer \"%s\"", observer.stream.c_str(),
                    other.name.c_str()),
             errdetail("A bucket holds the rows of one table, so that no two have the same key."),
             errhint("Create another bucket, or remove that observer with "
                     "fraiseql_nats.unobserve().")));
  }
}

void WarnOfBucket(const Observer& observer, ::Relation relation, const WarningSink& sink) {
  if (relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL) return;
  WarnOfKey(observer, relation, sink);
  WarnOfToast(observer, relation, sink);
}

}  // namespace fraiseql::pg
