// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Makes every commit in a database with a worker wake that worker, with at most one signal each
// time it sleeps.  Called once, from _PG_init of the postmaster.
//
// All versions use this way: the condition variables of walsenders (16 and later) are not broadcast
// when max_wal_senders is 0, nor, for an asynchronous commit, before the WAL writer flushes it.
void InstallCommitWake();

}  // namespace fraiseql::pg
