// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

namespace fraiseql::pg {

// The arguments of fraiseql_nats.backfill().  Texts are in the server's encoding.
struct BackfillRequest {
  Oid relation;
  const char* filter;    // SQL: which rows; null: all
  const char* observer;  // the one that gets the rows; null: all observers of the table
  int chunk_rows;        // number of rows that a transaction reads
  bool restart;          // start again, even if there is progress to continue
  int64 max_lag;         // bytes of the log that may wait to be published
};

// Publishes the rows, chunk by chunk in transactions of their own, from where the last run with the
// same filter and observer stopped.  After an error, committed chunks stay, and the next run
// continues.  REQUIRES: SPI that may commit; the request outlives transactions.
void RunBackfill(const BackfillRequest& request);

}  // namespace fraiseql::pg
