// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "pg/deadletter/dead_letter_spool.h"

namespace fraiseql::pg {

constexpr char kDeadLetterTableName[] = "dead_letter";

// Moves dead letters from the worker's file to the table fraiseql_nats.dead_letter, in transactions
// of its own that take a fraction of a second, wait for no lock, and are limited in frequency.
// Keeps a row that exists already (after a crash a message may be rejected again).
// Main thread only; lives as long as the process.
class DeadLetterTable {
 public:
  // `spool` is not owned.
  explicit DeadLetterTable(DeadLetterSpool* spool) : spool_(spool) {}

  // Sets the name of their stream in fraiseql_nats.stream.
  void SetStream(std::string name) { stream_ = std::move(name); }

  // REQUIRES: no transaction and no decoding callback is active.  May raise.
  void Drain(int64_t now_ms);

  // How long the caller may wait until Drain() has something to do: at most `limit_ms`.
  int64_t WaitMs(int64_t now_ms, int64_t limit_ms) const {
    return spool_->empty() ? limit_ms : std::clamp<int64_t>(not_before_ms_ - now_ms, 0, limit_ms);
  }

 private:
  static void InsertSome(void* self);
  static void InsertRecord(void* self);
  void InsertAnyhow(const DeadLetterRecord& record);
  void Insert(const DeadLetterRecord& record);

  DeadLetterSpool* const spool_;
  std::string stream_ = "default";
  int64_t not_before_ms_ = 0;
  std::string trouble_;  // that was logged last
  std::string error_;
  std::string json_;
  const DeadLetterRecord* record_ = nullptr;  // argument of InsertRecord()
  bool one_by_one_ = false;                   // a record could not be inserted
  uint64_t inserted_ = 0;                     // and not logged yet
  bool locked_out_ = false;
};

}  // namespace fraiseql::pg
