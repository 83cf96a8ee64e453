// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

#include "pg/observer_table.h"
#include "pg/type_encoder.h"

namespace fraiseql::pg {

namespace {

std::string Utf8Text(Datum value) {
  const text* detoasted = DatumGetTextPP(value);
  int length = 0;
  const char* utf8 =
      ToUtf8(VARDATA_ANY(detoasted), static_cast<int>(VARSIZE_ANY_EXHDR(detoasted)), &length);
  return {utf8, static_cast<size_t>(length)};
}

}  // namespace

void ReadObserverRow(HeapTuple tuple, TupleDesc desc, ObserverRow* row) {
  const auto datum = [=](const char* column, bool* is_null) {
    for (int i = 0; i < desc->natts; ++i) {
      if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), column) == 0) {
        return heap_getattr(tuple, i + 1, desc, is_null);
      }
    }
    *is_null = true;
    return Datum{0};
  };
  const auto read_text = [&](const char* column, std::string* target) {
    bool is_null = true;
    const Datum value = datum(column, &is_null);
    target->clear();
    if (!is_null) *target = Utf8Text(value);
  };
  const auto read_array = [&](const char* column, std::vector<std::string>* target) {
    bool is_null = true;
    const Datum value = datum(column, &is_null);
    target->clear();
    if (is_null) return;
    Datum* items = nullptr;
    bool* nulls = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
                      &count);
    for (int i = 0; i < count; ++i) {
      if (!nulls[i]) target->push_back(Utf8Text(items[i]));
    }
  };
  bool is_null = true;
  read_text("name", &row->name);
  row->relation = DatumGetObjectId(datum("relation", &is_null));
  read_array("events", &row->events);
  read_text("subject", &row->subject);
  read_text("format", &row->format);
  read_text("entity", &row->entity);
  read_array("columns", &row->columns);
  const Datum is_enabled = datum("enabled", &is_null);
  row->enabled = !is_null && DatumGetBool(is_enabled);
}

Status ParseObserver(const ObserverRow& row, Observer* observer) {
  if (row.name.empty()) return Status::Invalid("observer has no name");
  observer->name = row.name;
  observer->relation = row.relation;
  observer->entity = row.entity;
  observer->columns = row.columns;
  observer->operations = 0;
  for (const std::string& event : row.events) {
    Operation operation = Operation::kInsert;
    if (!ParseOperation(event, &operation)) {
      return Status::Invalid("unknown event \"" + event + "\"",
                             "Events are INSERT, UPDATE, DELETE and TRUNCATE.");
    }
    observer->operations |= SetOf(operation);
  }
  if (observer->operations == 0) {
    return Status::Invalid("observer \"" + row.name + "\" observes no event",
                           "Name at least one of INSERT, UPDATE, DELETE and TRUNCATE.");
  }
  if (!ParseFormat(row.format, &observer->format)) {
    return Status::Invalid("unknown format \"" + row.format + "\"",
                           "Formats are \"fraiseql\" and \"row\".");
  }
  return row.subject.empty() ? Status::Ok()
                             : SubjectTemplate::Parse(row.subject, &observer->subject);
}

Oid FindOwnTable(const char* name) {
  const Oid schema = get_namespace_oid(kSchemaName, true);
  return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

// Calls `take(tuple, desc)` for each row that the catalog snapshot (in decoding: the historic one)
// sees.  Never by index, which would be locked.
template <typename Take>
static void ScanOwnTable(Oid table, Take take) {
  ::Relation relation = RelationIdGetRelation(table);
  if (!RelationIsValid(relation)) return;
  SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
  HeapTuple tuple;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) take(tuple, RelationGetDescr(relation));
  systable_endscan(scan);
  RelationClose(relation);
}

void LoadObservers(LoadedObservers* loaded) {
  loaded->observers.clear();
  loaded->message_prefix.clear();
  loaded->table = FindOwnTable(kObserverTableName);
  const Oid secret = FindOwnTable(kSecretTableName);
  if (!OidIsValid(loaded->table) || !OidIsValid(secret)) return;
  ScanOwnTable(secret, [=](HeapTuple tuple, TupleDesc desc) {
    bool is_null = true;
    const Datum value = heap_getattr(tuple, 1, desc, &is_null);
    if (!is_null) loaded->message_prefix = Utf8Text(value);
  });
  ScanOwnTable(loaded->table, [=](HeapTuple tuple, TupleDesc desc) {
    ReadObserverRow(tuple, desc, &loaded->row);
    if (!loaded->row.enabled) return;
    loaded->observers.emplace_back();
    // The table's trigger has checked the row; one that is broken all the same observes nothing.
    if (!ParseObserver(loaded->row, &loaded->observers.back()).ok()) loaded->observers.pop_back();
  });
}

}  // namespace fraiseql::pg
