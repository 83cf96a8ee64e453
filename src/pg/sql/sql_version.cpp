// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.version(): the versions of library and extension.
extern "C" {
#include "postgres.h"

#include "fmgr.h"
}

#include "pg/base/sql_function.h"
#include "pg/base/version.h"

namespace fraiseql::pg {

namespace {

Datum Version(FunctionCallInfo fcinfo) {
  ResultRow row(fcinfo);
  row.AddText(LibraryVersion());
  row.AddText(ExtensionVersion());
  return row.AsResult();
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_version, Version(fcinfo));
