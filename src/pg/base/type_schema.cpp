// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "access/htup_details.h"
#include "utils/lsyscache.h"
#include "utils/catcache.h"
#include "utils/syscache.h"
}

#include "pg/base/server_text.h"
#include "pg/base/type_schema.h"

namespace fraiseql::pg {

namespace {

using Kind = TypeEncoder::Kind;

constexpr char kNoMore[] = "";
constexpr char kInt2Range[] = R"(,"minimum":-32768,"maximum":32767)";
constexpr char kInt4Range[] = R"(,"minimum":-2147483648,"maximum":2147483647)";
constexpr char kInt8Range[] = R"(,"minimum":-9223372036854775808,"maximum":9223372036854775807)";
constexpr char kByteaPattern[] = R"(,"pattern":"^\\\\x([0-9a-f]{2})*$")";
// Not the formats date and date-time, which have no infinity and no years before 1 or after 9999,
// and without a time zone no time.
constexpr char kDatePattern[] = R"(,"pattern":"^(-?infinity|[0-9]{4,}-[0-9]{2}-[0-9]{2}( BC)?)$")";
constexpr char kTimestampPattern[] =
    R"(,"pattern":"^(-?infinity|[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?( BC)?)$")";
constexpr char kTimestamptzPattern[] =
    R"(,"pattern":"^(-?infinity|[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?[+]00:00( BC)?)$")";

// A schema of one type of JSON, with more keywords; the caller appends the last brace.
void BeginSchema(const char* type, bool may_be_null, const char* more, std::string* out) {
  out->append(may_be_null ? R"({"type":[")" : R"({"type":")").append(type);
  out->append(may_be_null ? R"(","null"])" : R"(")").append(more);
}

void AppendSimple(const char* type, bool may_be_null, const char* more, std::string* out) {
  BeginSchema(type, may_be_null, more, out);
  out->push_back('}');
}

void AppendNumber(bool may_be_null, std::string* out) {
  out->append(R"({"anyOf":[{"type":"number"},{"enum":["NaN","Infinity","-Infinity"]})");
  out->append(may_be_null ? R"(,{"type":"null"}]})" : "]}");
}

int CompareLabels(const ListCell* a, const ListCell* b) {
  const auto order = [](const ListCell* cell) {
    const auto* tuple = static_cast<HeapTuple>(lfirst(cell));
    return reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->enumsortorder;
  };
  return order(a) < order(b) ? -1 : order(a) > order(b);
}

void AppendEnum(Oid type, bool may_be_null, std::string* out) {
  BeginSchema("string", may_be_null, R"(,"enum":[)", out);
  CatCList* found = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
  List* labels = NIL;
  for (int i = 0; i < found->n_members; ++i) {
    labels = lappend(labels, heap_copytuple(&found->members[i]->tuple));
  }
  ReleaseSysCacheList(found);
  list_sort(labels, CompareLabels);
  ListCell* cell;
  foreach (cell, labels) {
    const auto* tuple = static_cast<HeapTuple>(lfirst(cell));
    const char* label = NameStr(reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->enumlabel);
    if (out->back() != '[') out->push_back(',');
    AppendServerText(label, static_cast<int>(strlen(label)), out);
  }
  if (may_be_null) out->append(out->back() == '[' ? "null" : ",null");
  out->append("]}");
}

void AppendComposite(const TypeEncoder& encoder, bool may_be_null, std::string* out) {
  BeginSchema("object", may_be_null, R"(,"properties":{)", out);
  const auto append_names = [&](bool with_schema) {
    bool is_first = true;
    for (int i = 0; i < encoder.desc->natts; ++i) {
      if (encoder.fields[i] == nullptr) continue;
      const char* name = NameStr(TupleDescAttr(encoder.desc, i)->attname);
      if (!is_first) out->push_back(',');
      is_first = false;
      AppendServerText(name, static_cast<int>(strlen(name)), out);
      if (!with_schema) continue;
      out->push_back(':');
      AppendTypeSchema(*encoder.fields[i], true, out);
    }
  };
  append_names(true);
  out->append(R"(},"required":[)");
  append_names(false);
  out->append("]}");
}

}  // namespace

void AppendTypeSchema(const TypeEncoder& encoder, bool may_be_null, std::string* out) {
  switch (encoder.kind) {
    case Kind::kBool:
      return AppendSimple("boolean", may_be_null, kNoMore, out);
    case Kind::kInt2:
      return AppendSimple("integer", may_be_null, kInt2Range, out);
    case Kind::kInt4:
      return AppendSimple("integer", may_be_null, kInt4Range, out);
    case Kind::kInt8:
      return AppendSimple("integer", may_be_null, kInt8Range, out);
    case Kind::kFloat4:
    case Kind::kFloat8:
    case Kind::kNumeric:
      return AppendNumber(may_be_null, out);
    case Kind::kText:
      return AppendSimple("string", may_be_null, kNoMore, out);
    case Kind::kUuid:
      return AppendSimple("string", may_be_null, R"(,"format":"uuid")", out);
    case Kind::kBytea:
      return AppendSimple("string", may_be_null, kByteaPattern, out);
    case Kind::kDate:
      return AppendSimple("string", may_be_null, kDatePattern, out);
    case Kind::kTimestamp:
      return AppendSimple("string", may_be_null, kTimestampPattern, out);
    case Kind::kTimestamptz:
      return AppendSimple("string", may_be_null, kTimestamptzPattern, out);
    case Kind::kArray:
      // The number of dimensions belongs to the value, not to the type.
      BeginSchema("array", may_be_null, R"(,"items":{"anyOf":[)", out);
      AppendTypeSchema(*encoder.element, true, out);
      out->append(R"(,{"type":"array"}]}})");
      return;
    case Kind::kComposite:
      return AppendComposite(encoder, may_be_null, out);
    case Kind::kJson:
    case Kind::kJsonb:
    case Kind::kCastToJson:
      out->append("{}");
      return;
    case Kind::kOutput:
      if (get_typtype(encoder.type) == TYPTYPE_ENUM) {
        return AppendEnum(encoder.type, may_be_null, out);
      }
      return AppendSimple("string", may_be_null, kNoMore, out);
  }
}

}  // namespace fraiseql::pg
