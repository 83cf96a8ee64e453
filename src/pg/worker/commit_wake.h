// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace fraiseql::pg {

// Lets every commit of a database with a worker wake that worker, at no more than one signal for
// each time it went to sleep.  Called once, from _PG_init of the postmaster.
//
// One way for all versions: the condition variables of walsenders (16 and later) are not broadcast
// when max_wal_senders is 0, nor, for an asynchronous commit, before the WAL writer gets to it.
void InstallCommitWake();

}  // namespace fraiseql::pg
