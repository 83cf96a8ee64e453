// SPDX-License-Identifier: PostgreSQL
// What the view fraiseql_nats.observer_info shows beyond the rows of the table.
#include <string>
#include <vector>

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "utils/lsyscache.h"
}

#include "core/format/format.h"
#include "pg/base/guard.h"
#include "pg/base/own_objects.h"
#include "pg/base/own_table.h"
#include "pg/base/server_text.h"
#include "pg/base/sql_function.h"
#include "pg/observe/observer_table.h"
#include "pg/shared/stream_subjects.h"

namespace fraiseql::pg {

namespace {

// The objects of one call, in a memory context that an error frees.
struct Routes {
  std::vector<ObserverRow> rows;
  Observer observer;
  Destination destination;
};

void AddRoute(const ObserverRow& row, Routes* routes, FunctionCallInfo fcinfo) {
  const bool of_table = OidIsValid(row.relation);
  const char* table = of_table ? get_rel_name(row.relation) : nullptr;
  routes->observer = {};
  if (!ParseObserver(row, &routes->observer).ok() || (of_table && table == nullptr)) return;
  routes->destination = DestinationOf(routes->observer, table);
  const Destination& to = routes->destination;
  ResultRow result(fcinfo);
  result.AddText(FromUtf8Anyhow(row.name));
  result.AddText(FromUtf8Anyhow(to.subject));
  result.AddText(of_table ? FromUtf8Anyhow(FormatOf(routes->observer).name) : nullptr);
  result.AddText(FromUtf8Anyhow(to.stream));
  result.Add(BoolGetDatum(to.is_taken), !to.is_known);
  result.Append();
}

// An observer that is invalid, because its table is gone for example, has no row.
void ObserverRoutes(FunctionCallInfo fcinfo) {
  BeginRows(fcinfo);
  auto* routes = NewInContext<Routes>(CurrentMemoryContext);
  const Oid table = FindOwnTable(kObserverTableName);
  if (!OidIsValid(table)) return;
  ScanOwnTable(table, nullptr, [=](HeapTuple tuple, TupleDesc desc) {
    routes->rows.emplace_back();
    ReadObserverRow(tuple, desc, &routes->rows.back());
  });
  for (const ObserverRow& row : routes->rows) AddRoute(row, routes, fcinfo);
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_observer_routes, ObserverRoutes(fcinfo));
