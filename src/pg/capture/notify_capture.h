// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Captures pg_notify() and NOTIFY on observed channels: in addition to their normal effect, they
// write the notification into the log, as part of the caller's transaction.  So it survives a
// crash, waits for a worker that does not run, and keeps its order among the row changes.
//
// Calls of pg_catalog.pg_notify are replaced in the query tree, before it is planned, by calls of
// fraiseql_nats_internal.pg_notify; in a database without the extension no query is examined.  SQL
// functions that notify are not inlined, so that their bodies are planned as well.
//
// Not captured, because no planner is called: defaults of COPY, parameters of EXECUTE, arguments of
// CALL, CHECK constraints, fast-path calls, and C code that calls Async_Notify().
//
// Called once, from _PG_init of the postmaster.
void InstallNotifyCapture();

}  // namespace fraiseql::pg
