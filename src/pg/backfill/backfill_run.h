// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// What the caller of fraiseql_nats.backfill() wants.  Texts are in the server's encoding.
struct BackfillRequest {
  Oid relation;
  const char* filter;    // SQL: which rows; null: all
  const char* observer;  // who is told; null: all observers of the table
  int chunk_rows;        // how many a transaction looks at
  bool restart;          // begins anew, whatever there is to go on with
  int64 max_lag;         // bytes of the log that may wait to be published
};

// Publishes the rows, chunk by chunk in transactions of their own, from where the last run with the
// same filter and observer has come to.  An error leaves what has been committed, for the next run.
// REQUIRES: SPI that may commit; the request outlives transactions.
void RunBackfill(const BackfillRequest& request);

}  // namespace fraiseql::pg
