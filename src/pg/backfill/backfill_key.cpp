// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

#include "pg/backfill/backfill_key.h"
#include "pg/base/compat.h"

namespace fraiseql::pg {

namespace {

// Whether the index has each row of the table, with a key that no other row has.
bool HoldsEachRowOnce(::Relation index, TupleDesc desc) {
  const Form_pg_index form = index->rd_index;
  if (!form->indisunique || !form->indisvalid) return false;
  if (!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr)) return false;
  for (int i = 0; i < form->indnkeyatts; ++i) {
    const AttrNumber number = form->indkey.values[i];
    if (number <= 0 || !IsNeverNull(desc, number - 1)) return false;  // 0: an expression
  }
  return true;
}

// How well an index identifies the rows of the table; 0: not at all.
int Preference(::Relation index, TupleDesc desc) {
  if (!HoldsEachRowOnce(index, desc)) return 0;
  if (index->rd_index->indisprimary) return 3;
  return index->rd_index->indisreplident ? 2 : 1;
}

// Returns the columns of the best index, or 0 if there is none.
int FindColumns(::Relation relation, AttrNumber* columns) {
  int best = 0;
  int count = 0;
  List* indexes = RelationGetIndexList(relation);
  ListCell* cell;
  foreach (cell, indexes) {
    ::Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    const int preference = Preference(index, RelationGetDescr(relation));
    if (preference > best) {
      best = preference;
      count = index->rd_index->indnkeyatts;
      for (int i = 0; i < count; ++i) columns[i] = index->rd_index->indkey.values[i];
    }
    index_close(index, NoLock);
  }
  return count;
}

// OPERATOR(schema.name) of the type's default order.
const char* OperatorOf(Oid type, int strategy) {
  const TypeCacheEntry* entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
  const Oid oid = OidIsValid(entry->btree_opf)
                      ? get_opfamily_member(entry->btree_opf, entry->btree_opintype,
                                            entry->btree_opintype, static_cast<int16>(strategy))
                      : InvalidOid;
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(tuple)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("type %s of a key column has no order", format_type_be(type))));
  }
  const auto* form = reinterpret_cast<const FormData_pg_operator*>(GETSTRUCT(tuple));
  const char* text =
      psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
               NameStr(form->oprname));
  ReleaseSysCache(tuple);
  return text;
}

const char* SameKey(const BackfillKey& key, const char* const* names) {
  StringInfoData sql;
  initStringInfo(&sql);
  for (int i = 0; i < key.count; ++i) {
    appendStringInfo(&sql, "%s%s %s $%d", i > 0 ? " AND " : "", names[i],
                     OperatorOf(key.types[i], BTEqualStrategyNumber), i + 1);
  }
  return sql.data;
}

// A row comparison can use the index, but it needs the same operator for all columns.
const char* BehindKeyAsRow(const BackfillKey& key, const char* const* names, const char* greater) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "ROW(%s", names[0]);
  for (int i = 1; i < key.count; ++i) appendStringInfo(&sql, ", %s", names[i]);
  appendStringInfo(&sql, ") %s ROW($1", greater);
  for (int i = 1; i < key.count; ++i) appendStringInfo(&sql, ", $%d", i + 1);
  appendStringInfoChar(&sql, ')');
  return sql.data;
}

const char* BehindKey(const BackfillKey& key, const char* const* names) {
  const char* greater = OperatorOf(key.types[0], BTGreaterStrategyNumber);
  if (key.count == 1) return psprintf("%s %s $1", names[0], greater);
  bool all_the_same = true;
  for (int i = 1; i < key.count; ++i) {
    const char* other = OperatorOf(key.types[i], BTGreaterStrategyNumber);
    all_the_same = all_the_same && strcmp(greater, other) == 0;
  }
  if (all_the_same) return BehindKeyAsRow(key, names, greater);
  // a >= $1 AND (a > $1 OR (a = $1 AND (b > $2 OR ...)))
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "%s %s $1 AND (", names[0],
                   OperatorOf(key.types[0], BTGreaterEqualStrategyNumber));
  for (int i = 0; i < key.count; ++i) {
    if (i > 0) {
      appendStringInfo(&sql, " OR (%s %s $%d AND (", names[i - 1],
                       OperatorOf(key.types[i - 1], BTEqualStrategyNumber), i);
    }
    appendStringInfo(&sql, "%s %s $%d", names[i], OperatorOf(key.types[i], BTGreaterStrategyNumber),
                     i + 1);
  }
  for (int i = 1; i < key.count; ++i) appendStringInfoString(&sql, "))");
  appendStringInfoChar(&sql, ')');
  return sql.data;
}

}  // namespace

BackfillKey FindBackfillKey(::Relation relation) {
  AttrNumber columns[INDEX_MAX_KEYS];
  BackfillKey key{};
  key.count = FindColumns(relation, columns);
  if (key.count == 0) {
    ereport(
        ERROR,
        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
         errmsg("table \"%s\" has no key to order its rows by", RelationGetRelationName(relation)),
         errhint("Give it a primary key, or a unique index on columns that are NOT NULL.")));
  }
  const char* names[INDEX_MAX_KEYS] = {};
  StringInfoData list;
  initStringInfo(&list);
  for (int i = 0; i < key.count; ++i) {
    const FormData_pg_attribute* attribute =
        TupleDescAttr(RelationGetDescr(relation), columns[i] - 1);
    key.types[i] = attribute->atttypid;
    names[i] = pstrdup(quote_identifier(NameStr(attribute->attname)));
    appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", names[i]);
  }
  key.columns = list.data;
  key.same = SameKey(key, names);
  key.behind = BehindKey(key, names);
  return key;
}

const char* KeyToText(const char* const* values, int count) {
  Datum items[INDEX_MAX_KEYS];
  for (int i = 0; i < count; ++i) items[i] = CStringGetTextDatum(values[i]);
  ArrayType* array = construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT);
  return OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array));
}

void TextToKey(const BackfillKey& key, const char* literal, Datum* values) {
  const Datum array = OidInputFunctionCall(F_ARRAY_IN, const_cast<char*>(literal), TEXTOID, -1);
  Datum* items = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
                    &count);
  if (count != key.count) elog(ERROR, "key \"%s\" does not have %d columns", literal, key.count);
  for (int i = 0; i < count; ++i) {
    if (nulls[i]) elog(ERROR, "key \"%s\" has a null in it", literal);
    Oid function = InvalidOid;
    Oid parameter = InvalidOid;
    getTypeInputInfo(key.types[i], &function, &parameter);
    values[i] = OidInputFunctionCall(function, TextDatumGetCString(items[i]), parameter, -1);
  }
}

}  // namespace fraiseql::pg
