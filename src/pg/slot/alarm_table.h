// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <cstdint>
#include <string>

#include "pg/shared/shmem.h"
#include "pg/slot/slot.h"

namespace fraiseql::pg {

constexpr char kAlarmTableName[] = "alarm";

// Writes the alarm that the worker has raised to the table fraiseql_nats.alarm, with the name of
// its stream.  Until then the alarm stays in shared memory, where the next worker finds it.  Main
// thread only; lives as long as the process.
class AlarmTable {
 public:
  // `entry` is not owned.
  AlarmTable(const WorkerKey& worker, WorkerEntry* entry)
      : entry_(entry), slot_(OwnSlotName(worker)) {}

  // REQUIRES: no transaction and no decoding callback is active.  Cheap without an alarm.
  void Drain(int64_t now_ms);

 private:
  static void Insert(void* self);

  WorkerEntry* const entry_;
  const SlotName slot_;
  RaisedAlarm alarm_{};
  bool inserted_ = false;
  int64_t not_before_ms_ = 0;
  std::string error_;
};

}  // namespace fraiseql::pg
