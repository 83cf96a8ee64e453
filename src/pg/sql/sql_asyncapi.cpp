// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats_internal.described_observers(): the messages of each observer, for asyncapi().
extern "C" {
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

#include "core/format/description.h"
#include "pg/base/compat.h"
#include "pg/base/guard.h"
#include "pg/base/server_text.h"
#include "pg/base/sql_function.h"
#include "pg/base/type_schema.h"
#include "pg/decode/relation_cache.h"
#include "pg/observe/observer_table.h"
#include "pg/settings/gucs.h"
#include "pg/shared/stream_subjects.h"

namespace fraiseql::pg {

namespace {

// The objects of one observer, in the memory context of the call.
struct ObserverDescription {
  DescriptionInput input;
  CachedRelation table;
  std::string schema;
  StreamNames stream;
  Description description;
};

// An UPDATE leaves a value out of the new row that it has not touched and that is stored apart,
// unless the whole old row is logged.
bool IsAlwaysLogged(::Relation table, int attribute) {
  return TupleDescAttr(RelationGetDescr(table), attribute)->attlen != -1 ||
         table->rd_rel->relreplident == REPLICA_IDENTITY_FULL;
}

void AppendColumnSchema(::Relation table, const CachedRelation::Attribute& attribute,
                        std::string* out) {
  AppendTypeSchema(*attribute.encoder, !IsNeverNull(RelationGetDescr(table), attribute.index), out);
  const char* comment = GetComment(RelationGetRelid(table), RelationRelationId,
                                   TupleDescAttr(RelationGetDescr(table), attribute.index)->attnum);
  if (comment == nullptr) return;
  out->pop_back();
  out->append(out->back() == '{' ? R"("description":)" : R"(,"description":)");
  AppendServerText(comment, static_cast<int>(strlen(comment)), out);
  out->push_back('}');
}

// False if the table has been dropped meanwhile.
bool DescribeTable(Oid oid, ObserverDescription* described) {
  ::Relation table = try_table_open(oid, AccessShareLock);
  if (table == nullptr) return false;
  DescriptionInput& input = described->input;
  input.is_partitioned = table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
  DescribeColumns(table, &described->table);
  for (const CachedRelation::Attribute& attribute : described->table.attributes) {
    described->schema.clear();
    AppendColumnSchema(table, attribute, &described->schema);
    input.columns.push_back({described->schema, IsAlwaysLogged(table, attribute.index)});
  }
  const char* schema = ToUtf8Anyhow(get_namespace_name(RelationGetNamespace(table)));
  const char* name = ToUtf8Anyhow(RelationGetRelationName(table));
  input.relation = std::move(described->table.relation);
  input.relation.id = oid;
  input.relation.schema = schema;
  input.relation.table = name;
  table_close(table, NoLock);
  return true;
}

Datum AsJsonb(const std::string& json) {
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(FromUtf8Anyhow(json)));
}

void AddObserver(FunctionCallInfo fcinfo, const char* database, const Observer& observer) {
  auto* described = NewInContext<ObserverDescription>(CurrentMemoryContext);
  DescriptionInput& input = described->input;
  if (observer.relation != 0 && !DescribeTable(observer.relation, described)) return;
  described->stream = NamesOf(observer.stream);
  input.database = database;
  input.subject_prefix = described->stream.subject_prefix;
  input.topic_prefix = described->stream.topic_prefix;
  input.from_log = settings.capture == kCaptureWal;
  input.own_id_header = input.from_log && described->stream.own_id_header;
  described->description = DescribeObserver(observer, input);
  const Description& description = described->description;
  if (description.messages == "{}") return;
  ResultRow row(fcinfo);
  row.AddText(FromUtf8Anyhow(observer.name));
  row.Add(ObjectIdGetDatum(observer.relation), observer.relation == 0);
  row.AddText(FromUtf8Anyhow(described->stream.name));
  row.AddText(FromUtf8Anyhow(description.address));
  const bool has_parameters = !description.parameters.empty();
  row.Add(has_parameters ? AsJsonb(description.parameters) : Datum{0}, !has_parameters);
  row.Add(AsJsonb(description.messages));
  row.Append();
}

void DescribedObservers(FunctionCallInfo fcinfo) {
  BeginRows(fcinfo);
  const char* database = ToUtf8Anyhow(get_database_name(MyDatabaseId));
  auto* loaded = NewInContext<LoadedObservers>(CurrentMemoryContext);
  LoadObservers(nullptr, loaded);
  for (const Observer& observer : loaded->observers) AddObserver(fcinfo, database, observer);
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_described_observers, DescribedObservers(fcinfo));
