// SPDX-License-Identifier: PostgreSQL
#pragma once

// Arguments and results of the extension's SQL functions.  Include after postgres.h.

extern "C" {
#include "fmgr.h"
#include "nodes/execnodes.h"
}

#include "pg/base/guard.h"

namespace fraiseql::pg {

// Calls `body` within Guard(); if it returns nothing, the SQL function returns void or rows.
template <typename Body>
Datum CallSqlFunction(Body&& body) {
  if constexpr (std::is_void_v<decltype(body())>) {
    Guard(body);
    return Datum{0};
  } else {
    return Guard(body);
  }
}

// Defines an SQL function of this name, which evaluates `call`, an expression of fraiseql::pg that
// may use `fcinfo`.
#define SQL_FUNCTION(name, call)                  \
  extern "C" {                                    \
  PG_FUNCTION_INFO_V1(name);                      \
  Datum name([[maybe_unused]] PG_FUNCTION_ARGS) { \
    using namespace fraiseql::pg;                 \
    return CallSqlFunction([=] { return call; }); \
  }                                               \
  }                                               \
  static_assert(true) /* takes the semicolon */

// An argument of type text, palloc'd; null if the argument is null.
char* OptionalText(FunctionCallInfo fcinfo, int number);

// Makes the function return the rows that are appended.
const ReturnSetInfo* BeginRows(FunctionCallInfo fcinfo);

// A row of a function's result, filled column by column in the order of the function's declaration.
// Raises if it is declared with other columns, by another version of the extension.
class ResultRow {
 public:
  explicit ResultRow(FunctionCallInfo fcinfo) : fcinfo_(fcinfo) {}
  void Add(Datum value, bool is_null = false);
  void AddText(const char* text);  // null or empty: null
  void AddLsn(uint64 lsn);         // 0: null
  void AddTime(uint64 time);       // 0: null
  void AddBool(bool flag) { Add(BoolGetDatum(flag)); }
  void AddNumber(uint64 number) { Add(Int64GetDatum(static_cast<int64>(number))); }

  // Of a function that returns rows.
  void Append();
  // The result of a function that returns this one row.
  Datum AsResult();

 private:
  const FunctionCallInfo fcinfo_;
  static constexpr int kMaxColumns = 40;
  Datum values_[kMaxColumns];
  bool nulls_[kMaxColumns];
  int count_ = 0;
};

}  // namespace fraiseql::pg
