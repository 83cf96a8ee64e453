// SPDX-License-Identifier: PostgreSQL
#include "core/base/iso_time.h"
#include "core/base/number.h"

extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/uuid.h"
}

#include "pg/base/jsonb_text.h"
#include "pg/base/server_text.h"
#include "pg/base/type_encoder.h"
#include "pg/base/unix_time.h"

namespace fraiseql::pg {

namespace {

using Kind = TypeEncoder::Kind;

// Only superusers can create functions in C or internal.  A cast in another language may have been
// created by the owner of the type, and would run with the worker's rights.
bool IsTrustedFunction(Oid function) {
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return false;
  const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
  ReleaseSysCache(tuple);
  return language == INTERNALlanguageId || language == ClanguageId;
}

Oid CastToJson(Oid type) {
  Oid function = InvalidOid;
  if (type < FirstNormalObjectId || get_typtype(type) != TYPTYPE_BASE) return InvalidOid;
  if (find_coercion_pathway(JSONOID, type, COERCION_EXPLICIT, &function) != COERCION_PATH_FUNC) {
    return InvalidOid;
  }
  return IsTrustedFunction(function) ? function : InvalidOid;
}

Kind KindOfBuiltin(Oid type) {
  switch (type) {
    case BOOLOID:
      return Kind::kBool;
    case INT2OID:
      return Kind::kInt2;
    case INT4OID:
      return Kind::kInt4;
    case INT8OID:
      return Kind::kInt8;
    case FLOAT4OID:
      return Kind::kFloat4;
    case FLOAT8OID:
      return Kind::kFloat8;
    case NUMERICOID:
      return Kind::kNumeric;
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
      return Kind::kText;
    case UUIDOID:
      return Kind::kUuid;
    case BYTEAOID:
      return Kind::kBytea;
    case JSONOID:
      return Kind::kJson;
    case JSONBOID:
      return Kind::kJsonb;
    case DATEOID:
      return Kind::kDate;
    case TIMESTAMPOID:
      return Kind::kTimestamp;
    case TIMESTAMPTZOID:
      return Kind::kTimestamptz;
    default:
      return Kind::kOutput;
  }
}

// The type cache would lock the relation, and wait for a session that alters it.
void FillComposite(Oid type, std::vector<Oid>* row_types, TypeEncoder* encoder) {
  encoder->kind = Kind::kComposite;
  const Oid oid = get_typ_typrelid(type);
  ::Relation relation = RelationIdGetRelation(oid);
  if (!RelationIsValid(relation)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("composite type %s has no columns", format_type_be(type))));
  }
  row_types->push_back(oid);
  encoder->desc = CreateTupleDescCopyConstr(RelationGetDescr(relation));
  RelationClose(relation);
  encoder->fields = static_cast<const TypeEncoder**>(
      palloc0(sizeof(TypeEncoder*) * static_cast<size_t>(Max(encoder->desc->natts, 1))));
  for (int i = 0; i < encoder->desc->natts; ++i) {
    const FormData_pg_attribute* attribute = TupleDescAttr(encoder->desc, i);
    if (!attribute->attisdropped) {
      encoder->fields[i] = MakeEncoder(attribute->atttypid, row_types);
    }
  }
}

void FillEncoder(Oid type, std::vector<Oid>* row_types, TypeEncoder* encoder) {
  const Oid base = getBaseType(type);
  encoder->type = base;
  get_typlenbyvalalign(base, &encoder->length, &encoder->by_value, &encoder->align);
  encoder->kind = KindOfBuiltin(base);
  if (encoder->kind != Kind::kOutput && encoder->kind != Kind::kNumeric) return;
  const Oid element = get_element_type(base);
  const Oid cast = CastToJson(base);
  if (OidIsValid(element)) {
    encoder->kind = Kind::kArray;
    encoder->element = MakeEncoder(element, row_types);
  } else if (get_typtype(base) == TYPTYPE_COMPOSITE) {
    FillComposite(base, row_types, encoder);
  } else if (OidIsValid(cast)) {
    encoder->kind = Kind::kCastToJson;
    fmgr_info(cast, &encoder->function);
  } else {
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(base, &output, &is_varlena);
    fmgr_info(output, &encoder->function);
  }
}

// Numbers are written without quotes, NaN and the infinities as strings.
void AppendNumberText(const char* text, std::string* out) {
  const char first = text[0] == '-' ? text[1] : text[0];
  if (first >= '0' && first <= '9') {
    out->append(text);
  } else {
    out->append("\"").append(text).append("\"");
  }
}

void AppendUuid(const pg_uuid_t* uuid, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  char text[38];
  char* at = text;
  *at++ = '"';
  for (int i = 0; i < UUID_LEN; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = kDigits[uuid->data[i] >> 4];
    *at++ = kDigits[uuid->data[i] & 0xF];
  }
  *at++ = '"';
  out->append(text, static_cast<size_t>(at - text));
}

void AppendBytea(const bytea* value, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  out->append("\"\\\\x");
  const auto* data = reinterpret_cast<const unsigned char*>(VARDATA_ANY(value));
  for (size_t i = 0; i < VARSIZE_ANY_EXHDR(value); ++i) {
    out->push_back(kDigits[data[i] >> 4]);
    out->push_back(kDigits[data[i] & 0xF]);
  }
  out->push_back('"');
}

// JSON text that the server has checked, so it only needs the conversion to UTF-8.
void AppendRawJson(const char* text, int length, std::string* out) {
  int utf8_length = 0;
  const char* utf8 = ToUtf8(text, length, &utf8_length);
  out->append(utf8, static_cast<size_t>(utf8_length));
}

// Appends infinities, and years before 1 and after 9999.
void AppendUnusualTime(Datum value, Oid type, std::string* out) {
  char text[MAXDATELEN + 1];
  const int utc = 0;
  JsonEncodeDateTime(text, value, type, type == TIMESTAMPTZOID ? &utc : nullptr);
  out->append("\"").append(text).append("\"");
}

void AppendDate(Datum value, std::string* out) {
  const int64_t days = int64_t{DatumGetDateADT(value)} + kPostgresToUnixUs / kDayUs;
  if (DATE_NOT_FINITE(DatumGetDateADT(value)) || !IsIsoDay(days)) {
    AppendUnusualTime(value, DATEOID, out);
    return;
  }
  out->push_back('"');
  AppendIsoDate(days, out);
  out->push_back('"');
}

void AppendTimestamp(Datum value, Oid type, std::string* out) {
  const Timestamp time = DatumGetTimestamp(value);
  if (TIMESTAMP_NOT_FINITE(time) || !IsIsoTimestamp(ToUnixUs(time))) {
    AppendUnusualTime(value, type, out);
    return;
  }
  out->push_back('"');
  AppendIsoTimestamp(ToUnixUs(time), out);
  out->append(type == TIMESTAMPTZOID ? "+00:00\"" : "\"");
}

void AppendOneDimension(const TypeEncoder& element, const ArrayType* array, int dimension,
                        const Datum* values, const bool* nulls, int* at, std::string* out) {
  out->push_back('[');
  for (int i = 0; i < ARR_DIMS(array)[dimension]; ++i) {
    if (i > 0) out->push_back(',');
    if (dimension + 1 < ARR_NDIM(array)) {
      AppendOneDimension(element, array, dimension + 1, values, nulls, at, out);
      continue;
    }
    if (nulls[*at]) {
      out->append("null");
    } else {
      AppendDatum(element, values[*at], out);
    }
    ++*at;
  }
  out->push_back(']');
}

void AppendArray(const TypeEncoder& encoder, Datum value, std::string* out) {
  ArrayType* array = DatumGetArrayTypeP(value);
  if (ARR_NDIM(array) == 0) {
    out->append("[]");
    return;
  }
  const TypeEncoder& element = *encoder.element;
  Datum* values = nullptr;
  bool* nulls = nullptr;
  int count = 0;
  int at = 0;
  deconstruct_array(array, ARR_ELEMTYPE(array), element.length, element.by_value, element.align,
                    &values, &nulls, &count);
  AppendOneDimension(element, array, 0, values, nulls, &at, out);
}

void AppendComposite(const TypeEncoder& encoder, Datum value, std::string* out) {
  HeapTupleHeader header = DatumGetHeapTupleHeader(value);
  TupleDesc desc = encoder.desc;
  HeapTupleData tuple;
  tuple.t_len = HeapTupleHeaderGetDatumLength(header);
  ItemPointerSetInvalid(&tuple.t_self);
  tuple.t_tableOid = InvalidOid;
  tuple.t_data = header;
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * desc->natts));
  auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * desc->natts));
  heap_deform_tuple(&tuple, desc, values, nulls);
  out->push_back('{');
  bool first = true;
  for (int i = 0; i < desc->natts; ++i) {
    if (encoder.fields[i] == nullptr) continue;
    const char* name = NameStr(TupleDescAttr(desc, i)->attname);
    if (!first) out->push_back(',');
    first = false;
    AppendServerText(name, static_cast<int>(strlen(name)), out);
    out->push_back(':');
    if (nulls[i]) {
      out->append("null");
    } else {
      AppendDatum(*encoder.fields[i], values[i], out);
    }
  }
  out->push_back('}');
}

}  // namespace

const TypeEncoder* MakeEncoder(Oid type, std::vector<Oid>* row_types) {
  auto* encoder = static_cast<TypeEncoder*>(palloc0(sizeof(TypeEncoder)));
  FillEncoder(type, row_types, encoder);
  return encoder;
}

void AppendDatum(const TypeEncoder& encoder, Datum value, std::string* out) {
  switch (encoder.kind) {
    case Kind::kBool:
      out->append(DatumGetBool(value) ? "true" : "false");
      return;
    case Kind::kInt2:
      AppendDecimal(DatumGetInt16(value), out);
      return;
    case Kind::kInt4:
      AppendDecimal(DatumGetInt32(value), out);
      return;
    case Kind::kInt8:
      AppendDecimal(DatumGetInt64(value), out);
      return;
    case Kind::kFloat4: {
      char text[FLOAT_SHORTEST_DECIMAL_LEN];
      float_to_shortest_decimal_buf(DatumGetFloat4(value), text);
      AppendNumberText(text, out);
      return;
    }
    case Kind::kFloat8: {
      char text[DOUBLE_SHORTEST_DECIMAL_LEN];
      double_to_shortest_decimal_buf(DatumGetFloat8(value), text);
      AppendNumberText(text, out);
      return;
    }
    case Kind::kNumeric:
      AppendNumberText(OutputFunctionCall(const_cast<FmgrInfo*>(&encoder.function), value), out);
      return;
    case Kind::kText: {
      const text* detoasted = DatumGetTextPP(value);
      AppendServerText(VARDATA_ANY(detoasted), static_cast<int>(VARSIZE_ANY_EXHDR(detoasted)), out);
      return;
    }
    case Kind::kUuid:
      AppendUuid(DatumGetUUIDP(value), out);
      return;
    case Kind::kBytea:
      AppendBytea(DatumGetByteaPP(value), out);
      return;
    case Kind::kJson: {
      const text* detoasted = DatumGetTextPP(value);
      AppendRawJson(VARDATA_ANY(detoasted), static_cast<int>(VARSIZE_ANY_EXHDR(detoasted)), out);
      return;
    }
    case Kind::kJsonb: {
      Jsonb* jsonb = DatumGetJsonbP(value);
      AppendJsonb(&jsonb->root, out);
      return;
    }
    case Kind::kDate:
      AppendDate(value, out);
      return;
    case Kind::kTimestamp:
    case Kind::kTimestamptz:
      AppendTimestamp(value, encoder.type, out);
      return;
    case Kind::kArray:
      AppendArray(encoder, value, out);
      return;
    case Kind::kComposite:
      AppendComposite(encoder, value, out);
      return;
    case Kind::kCastToJson: {
      const text* json =
          DatumGetTextPP(FunctionCall1(const_cast<FmgrInfo*>(&encoder.function), value));
      AppendRawJson(VARDATA_ANY(json), static_cast<int>(VARSIZE_ANY_EXHDR(json)), out);
      return;
    }
    case Kind::kOutput: {
      const char* text = OutputFunctionCall(const_cast<FmgrInfo*>(&encoder.function), value);
      AppendServerText(text, static_cast<int>(strlen(text)), out);
      return;
    }
  }
}

}  // namespace fraiseql::pg
