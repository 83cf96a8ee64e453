// SPDX-License-Identifier: PostgreSQL
// fraiseql_nats.check(): what is wrong, and what to do about it.
extern "C" {
#include "postgres.h"

#include "fmgr.h"
}

#include "pg/base/guard.h"
#include "pg/base/sql_function.h"
#include "pg/check/broker_facts.h"
#include "pg/check/findings.h"
#include "pg/check/observers_check.h"
#include "pg/check/server_check.h"

namespace fraiseql::pg {

namespace {

void Check(FunctionCallInfo fcinfo) {
  BeginRows(fcinfo);
  Findings findings(fcinfo);
  auto* streams = NewInContext<std::vector<StreamAtBroker>>(CurrentMemoryContext);
  CheckServer(&findings);
  CheckFilesAndBroker(&findings, streams);
  CheckWorkers(&findings, streams->front().fails);
  CheckObservers(&findings, *streams);
  if (!findings.empty()) return;
  findings.Add(kOkLevel, "everything", "nothing is wrong", "");
}

}  // namespace

}  // namespace fraiseql::pg

SQL_FUNCTION(fraiseql_nats_check, Check(fcinfo));
