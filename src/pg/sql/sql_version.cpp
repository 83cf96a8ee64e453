// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.version(): the versions of library and extension.
extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
}

#include "pg/base/guard.h"
#include "pg/base/version.h"

namespace fraiseql::pg {

namespace {

Datum Version(FunctionCallInfo fcinfo) {
  TupleDesc desc;
  if (get_call_result_type(fcinfo, nullptr, &desc) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  RequireColumns("version", desc->natts, 2);
  const char* extension = ExtensionVersion();
  bool nulls[2] = {false, extension == nullptr};
  Datum values[2] = {CStringGetTextDatum(LibraryVersion()),
                     nulls[1] ? Datum{0} : CStringGetTextDatum(extension)};
  return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

}  // namespace

}  // namespace fraiseql::pg

extern "C" {

PG_FUNCTION_INFO_V1(fraiseql_nats_version);

Datum fraiseql_nats_version(PG_FUNCTION_ARGS) {
  return fraiseql::pg::Guard([=] { return fraiseql::pg::Version(fcinfo); });
}
}
