// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
}

#include "pg/base/sql_function.h"
#include "pg/base/version.h"

namespace fraiseql::pg {

namespace {

void RequireColumns(FunctionCallInfo fcinfo, TupleDesc desc, int known) {
  if (desc->natts == known) return;
  const VersionMismatch mismatch = FindVersionMismatch();
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("function fraiseql_nats.%s() is of another version than the library",
                  get_func_name(fcinfo->flinfo->fn_oid)),
           errdetail("It is declared with %d columns, and the library has %d.", desc->natts, known),
           mismatch.reason != nullptr ? errhint("%s", mismatch.hint) : 0));
}

}  // namespace

char* OptionalText(FunctionCallInfo fcinfo, int number) {
  return PG_ARGISNULL(number) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

const ReturnSetInfo* BeginRows(FunctionCallInfo fcinfo) {
  InitMaterializedSRF(fcinfo, 0);
  return reinterpret_cast<const ReturnSetInfo*>(fcinfo->resultinfo);
}

void ResultRow::Add(Datum value, bool is_null) {
  Assert(count_ < kMaxColumns);
  values_[count_] = value;
  nulls_[count_++] = is_null;
}

void ResultRow::AddText(const char* text) {
  const bool is_null = text == nullptr || text[0] == '\0';
  Add(is_null ? Datum{0} : CStringGetTextDatum(text), is_null);
}

void ResultRow::AddLsn(uint64 lsn) { Add(LSNGetDatum(lsn), lsn == 0); }

void ResultRow::AddTime(uint64 time) {
  Add(TimestampTzGetDatum(static_cast<TimestampTz>(time)), time == 0);
}

void ResultRow::Append() {
  const auto* rows = reinterpret_cast<const ReturnSetInfo*>(fcinfo_->resultinfo);
  RequireColumns(fcinfo_, rows->setDesc, count_);
  tuplestore_putvalues(rows->setResult, rows->setDesc, values_, nulls_);
}

Datum ResultRow::AsResult() {
  TupleDesc desc;
  if (get_call_result_type(fcinfo_, nullptr, &desc) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  RequireColumns(fcinfo_, desc, count_);
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values_, nulls_));
}

}  // namespace fraiseql::pg
