// SPDX-License-Identifier: PostgreSQL
#pragma once

// The table fraiseql_nats.stream: the streams of this database, and the settings that each has of
// its own.  Include after postgres.h.

#include <cstdint>
#include <string>
#include <vector>

#include "pg/settings/own_settings.h"

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
}

namespace fraiseql::pg {

constexpr char kStreamTableName[] = "stream";
constexpr char kDefaultStreamName[] = "default";

struct StreamRow {
  int32 number = 0;  // kDefaultStream: the row overrides settings of the default stream
  std::string name;  // as UTF-8
  OwnSettings settings;
  bool paused = false;
  uint64_t fingerprint = 0;  // of everything above, never 0
};

// May raise; `*row` must survive that.
void ReadStreamRow(HeapTuple tuple, TupleDesc desc, StreamRow* row);

// Loads all rows, without a lock.  May raise; `*rows` must survive that.  REQUIRES: a transaction.
void LoadStreamRows(std::vector<StreamRow>* rows);

// A transaction that changes the rows holds the lock until its end, so that each sees all rows at
// its commit.  False, without `wait`, if another transaction holds it.
bool LockStreams(bool wait);

// Raises if one of the settings would be refused.
void CheckStreamRow(const StreamRow& row);

}  // namespace fraiseql::pg
