// SPDX-License-Identifier: PostgreSQL
#pragma once

// The table fraiseql_nats.stream: the streams of this database, and which settings each has of its
// own.  Include after postgres.h.

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
  int32 number = 0;  // kDefaultStream: what the stream of the settings has of its own here
  std::string name;  // as UTF-8
  OwnSettings settings;
  uint64_t fingerprint = 0;  // of all that, never 0
};

// May raise; `*row` must outlive that.
void ReadStreamRow(HeapTuple tuple, TupleDesc desc, StreamRow* row);

// All rows, without a lock.  May raise; `*rows` must outlive that.  REQUIRES: a transaction.
void LoadStreamRows(std::vector<StreamRow>* rows);

// Who changes the rows keeps the lock until its transaction ends, so that each knows of all of them
// then.  False, without `wait`, if another has it.
bool LockStreams(bool wait);

// Raises if one of the settings would be refused.
void CheckStreamRow(const StreamRow& row);

}  // namespace fraiseql::pg
