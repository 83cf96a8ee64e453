// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

#include "core/format/format.h"
#include "pg/base/compat.h"
#include "pg/base/guard.h"
#include "pg/observe/observer_warnings.h"
#include "pg/observe/observer_filter.h"

namespace fraiseql::pg {

namespace {

// The columns of a table whose old values are logged.
struct LoggedColumns {
  ::Relation relation;
  bool all;
  Bitmapset* identity;
  const WarningSink* sink;  // for the warnings about the others
};

const char* QuotedName(Oid table) {
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
                                    get_rel_name(table));
}

LoggedColumns FindLoggedColumns(::Relation relation, const WarningSink& sink) {
  LoggedColumns logged{};
  logged.relation = relation;
  logged.sink = &sink;
  logged.all = relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL;
  if (!logged.all) {
    logged.identity = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_IDENTITY_KEY);
  }
  return logged;
}

bool IsLogged(const LoggedColumns& logged, AttrNumber number) {
  return logged.all || bms_is_member(number - FirstLowInvalidHeapAttributeNumber, logged.identity);
}

// `consequence` says what happens to the changes.
void Warn(const Observer& observer, const LoggedColumns& logged, AttrNumber number,
          const char* operation, const char* consequence) {
  const char* table = RelationGetRelationName(logged.relation);
  const char* column =
      NameStr(TupleDescAttr(RelationGetDescr(logged.relation), number - 1)->attname);
  GiveWarning(
      *logged.sink,
      {psprintf("observer \"%s\" needs values of column \"%s\" that are not logged",
                observer.name.c_str(), column),
       psprintf("Of %s, the replica identity of table \"%s\" logs %s.  %s", operation, table,
                bms_is_empty(logged.identity) ? "no old values" : "its key only", consequence),
       psprintf("Run ALTER TABLE %s REPLICA IDENTITY FULL, or leave %s out of the events.",
                QuotedName(RelationGetRelid(logged.relation)), operation)});
}

constexpr char kNotTested[] = "Changes whose condition cannot be evaluated are not published.";
constexpr char kNoSubject[] = "Messages whose subject cannot be made become dead letters.";

// True if a column was missing, and a warning was given.
bool WarnOfColumns(const Observer& observer, const LoggedColumns& logged,
                   const std::vector<std::string>& columns, const char* operation,
                   const char* consequence) {
  for (const std::string& column : columns) {
    const AttrNumber number = get_attnum(RelationGetRelid(logged.relation), column.c_str());
    if (number <= 0 || IsLogged(logged, number)) continue;
    Warn(observer, logged, number, operation, consequence);
    return true;
  }
  return false;
}

struct WhenWalk {
  const LoggedColumns* logged;
  bool of_delete;  // otherwise of UPDATE
  AttrNumber missing;
};

bool FindMissing(Node* node, void* argument) {
  if (node == nullptr) return false;
  if (!IsA(node, Var)) return expression_tree_walker(node, AsTreeWalker(FindMissing), argument);
  auto* walk = static_cast<WhenWalk*>(argument);
  const auto* var = reinterpret_cast<const Var*>(node);
  const int varno = static_cast<int>(var->varno);
  const bool is_old = varno == kVarOfOld || (walk->of_delete && varno == kVarOfRow);
  if (!is_old || IsLogged(*walk->logged, var->varattno)) return false;
  walk->missing = var->varattno;
  return true;
}

bool WarnOfFilter(const Observer& observer, const LoggedColumns& logged, const Expr* filter,
                  bool of_delete) {
  WhenWalk walk{&logged, of_delete, 0};
  auto* node = reinterpret_cast<Node*>(const_cast<Expr*>(filter));
  if (!FindMissing(node, &walk)) return false;
  Warn(observer, logged, walk.missing, of_delete ? "DELETE" : "UPDATE", kNotTested);
  return true;
}

// Gives at most one warning for each operation and consequence.
void WarnOfValues(const Observer& observer, const LoggedColumns& logged, const Expr* filter) {
  if ((observer.operations & SetOf(Operation::kUpdate)) != 0) {
    (void)(WarnOfColumns(observer, logged, observer.condition.changed_columns(), "UPDATE",
                         kNotTested) ||
           WarnOfFilter(observer, logged, filter, false));
  }
  if ((observer.operations & SetOf(Operation::kDelete)) != 0) {
    (void)(WarnOfColumns(observer, logged, observer.condition.columns(), "DELETE", kNotTested) ||
           WarnOfFilter(observer, logged, filter, true));
    (void)WarnOfColumns(observer, logged, observer.subject.columns(), "DELETE", kNoSubject);
  }
  if ((observer.operations & SetOf(Operation::kTruncate)) == 0) return;
  const std::vector<std::string> columns = observer.subject.columns();
  if (columns.empty()) return;
  GiveWarning(*logged.sink,
              {psprintf("the subject of observer \"%s\" needs a column, and TRUNCATE has no row",
                        observer.name.c_str()),
               kNoSubject, "Leave TRUNCATE out of the events."});
}

bool IsOffLog(Oid oid) {
  const char kind = get_rel_relkind(oid);
  return kind == RELKIND_FOREIGN_TABLE ||
         (kind == RELKIND_RELATION && get_rel_persistence(oid) == RELPERSISTENCE_UNLOGGED);
}

// Returns the table, or the partitions of a partitioned one.
List* TablesOf(Oid table) {
  if (get_rel_relkind(table) != RELKIND_PARTITIONED_TABLE) return list_make1_oid(table);
  return find_all_inheritors(table, NoLock, nullptr);
}

void WarnOfRelation(Oid oid, const WarningSink& sink) {
  const char* name = get_rel_name(oid);
  if (name == nullptr) return;
  const char kind = get_rel_relkind(oid);
  const bool is_foreign = kind == RELKIND_FOREIGN_TABLE;
  const bool is_unlogged =
      kind == RELKIND_RELATION && get_rel_persistence(oid) == RELPERSISTENCE_UNLOGGED;
  if (!is_foreign && !is_unlogged) return;
  GiveWarning(
      sink,
      {psprintf("changes of table \"%s\" are not published", name),
       psprintf("Those of %s tables are not in the log.", is_foreign ? "foreign" : "unlogged"),
       is_unlogged ? psprintf("Run ALTER TABLE %s SET LOGGED.", QuotedName(oid)) : ""});
}

void WarnOfRows(Oid table, const WarningSink& sink) {
  List* tables = TablesOf(table);
  ListCell* cell;
  foreach (cell, tables) WarnOfRelation(lfirst_oid(cell), sink);
}

}  // namespace

void WarnOfUnloggedRows(Oid table) { WarnOfRows(table, kWarnClient); }

const char* UnloggedTables() {
  auto* loaded = NewInContext<LoadedObservers>(CurrentMemoryContext);
  LoadObservers(nullptr, loaded);
  StringInfoData list;
  initStringInfo(&list);
  List* listed = NIL;
  for (const Observer& observer : loaded->observers) {
    if (!OidIsValid(observer.relation)) continue;
    List* tables = TablesOf(observer.relation);
    ListCell* cell;
    foreach (cell, tables) {
      const Oid table = lfirst_oid(cell);
      if (!IsOffLog(table) || list_member_oid(listed, table)) continue;
      listed = lappend_oid(listed, table);
      appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", QuotedName(table));
    }
  }
  return list.data;
}

void WarnOfTwins(const Observer& observer) {
  auto* loaded = NewInContext<LoadedObservers>(CurrentMemoryContext);
  LoadObservers(nullptr, loaded);
  for (const Observer& other : loaded->observers) {
    const bool same =
        other.relation == observer.relation && other.name != observer.name &&
        (other.operations & observer.operations) != 0 && other.topic == observer.topic &&
        other.entity == observer.entity && other.subject.text() == observer.subject.text() &&
        other.condition.text() == observer.condition.text() && other.filter == observer.filter;
    if (!same) continue;
    ereport(WARNING, (errmsg("observer \"%s\" sends the same changes to the same subject",
                             other.name.c_str()),
                      errdetail("They are published twice."),
                      errhint("Give one of the two another subject or a filter, or remove it with "
                              "fraiseql_nats.unobserve().")));
    return;
  }
}

void WarnOfObserver(const Observer& observer, ::Relation relation, const Expr* filter,
                    const WarningSink& sink) {
  WarnOfRows(RelationGetRelid(relation), sink);
  const LoggedColumns logged = FindLoggedColumns(relation, sink);
  if (!logged.all && !FormatOf(observer).of_buckets()) WarnOfValues(observer, logged, filter);
}

}  // namespace fraiseql::pg
