// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "executor/spi.h"
}

#include "pg/base/sql_function.h"
#include "pg/base/subtransaction.h"
#include "pg/check/findings.h"

namespace fraiseql::pg {

namespace {

struct Part {
  void (*function)(Findings* findings, void* argument);
  Findings* findings;
  void* argument;
};

void CallPart(void* argument) {
  const auto* part = static_cast<Part*>(argument);
  part->function(part->findings, part->argument);
}

}  // namespace

void Findings::Add(const char* level, const char* object, const char* what,
                   const char* what_to_do) {
  ResultRow row(fcinfo_);
  row.AddText(level);
  row.AddText(object);
  row.AddText(what);
  row.AddText(what_to_do);
  row.Append();
  ++count_;
}

void Findings::Run(const char* object, void (*function)(Findings* findings, void* argument),
                   void* argument, const char* what_to_do) {
  Part part{function, this, argument};
  const ErrorData* error = CatchInSubtransaction(CallPart, &part, Tolerance::kAll);
  if (error == nullptr) return;
  const char* what = error->message;
  if (error->detail != nullptr) what = psprintf("%s: %s", what, error->detail);
  Add(kErrorLevel, object, what, error->hint != nullptr ? error->hint : what_to_do);
}

void ForEachRow(const char* query, void (*take)(char** row, Findings* findings),
                Findings* findings) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "cannot connect to SPI");
  if (SPI_execute(query, false, 0) != SPI_OK_SELECT) elog(ERROR, "SPI_execute() failed");
  const SPITupleTable* table = SPI_tuptable;
  const int columns = table->tupdesc->natts;
  auto** row = static_cast<char**>(palloc(sizeof(char*) * static_cast<size_t>(columns)));
  for (uint64 i = 0; i < table->numvals; ++i) {
    for (int column = 0; column < columns; ++column) {
      row[column] = SPI_getvalue(table->vals[i], table->tupdesc, column + 1);
      if (row[column] == nullptr) row[column] = pstrdup("");
    }
    take(row, findings);
  }
  SPI_finish();
}

}  // namespace fraiseql::pg
