// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <string>

#include "core/deadletter/dead_letter_box.h"
#include "core/deadletter/dead_letter_record.h"
#include "core/deadletter/spool_frame.h"
#include "pg/base/worker_key.h"

namespace fraiseql::pg {

// The file in which a worker keeps dead letters until they are in the table, below the data
// directory: fraiseql_nats/<database OID>.dead_letters.  A message may become a dead letter while a
// transaction is being decoded, a large one with the window full: then the worker cannot run a
// transaction of its own, and cannot wait either.
//
// A frame (core/deadletter/spool_frame.h) that a crash has left unfinished is truncated: its
// message was not settled and is published again.  Damaged parts are moved to <database
// OID>.dead_letters.damaged, and an alarm reports them until that file is removed.  One process at
// a time, its main thread only.  Lives as long as the process.
class DeadLetterSpool final : public DeadLetterBox {
 public:
  explicit DeadLetterSpool(const WorkerKey& worker);
  DeadLetterSpool(const DeadLetterSpool&) = delete;
  DeadLetterSpool& operator=(const DeadLetterSpool&) = delete;

  // Reads what an earlier worker has left; kUnavailable if the file cannot be opened or read.
  Status Open();

  // Not ok: damaged dead letters were found when the file was opened, now or earlier.
  const Status& damage() const { return damage_; }

  // Appends a dead letter; kUnavailable if the file cannot be written.  It may be lost in a crash
  // of the operating system until Sync().
  Status Store(const Message& message, const Status& reason) override;

  // Makes everything stored durable: called before the slot is confirmed.  May raise.
  void Sync();

  bool empty() const { return stored_ == end_; }
  // Why the last message became a dead letter.
  const Status& last_reason() const { return last_reason_; }

  // The next dead letter that was not read, valid until the next call; false if there is none.  May
  // raise.
  bool Read(DeadLetterRecord* record);
  // What was read is in the table: it is not read again, and the file is truncated once everything
  // in it was read.  May raise.
  void Forget();
  // What was read is not in the table: it is read again.
  void Rewind() { read_ = stored_; }

 private:
  Status LookThrough(off_t size, bool* damaged);
  Status SetDamageAside(off_t size);
  void LookForDamage();
  Status Append();
  static Status FileTrouble(const char* action, const std::string& path);
  void Log(const Message& message) const;

  const std::string path_;
  const std::string damaged_path_;
  int file_ = -1;
  SpoolReader reader_;
  Status damage_;
  bool dirty_ = false;  // written and not synced
  off_t end_ = 0;
  off_t stored_ = 0;  // everything before it is in the table
  off_t read_ = 0;    // everything before it was read
  Status last_reason_;
  std::string frame_;  // scratch: the frame that is being written
};

// Removes the files of a worker whose database or extension was dropped.
void RemoveDeadLetterSpool(const WorkerKey& worker);

// Calls RemoveDeadLetterSpool() for every database for which `exists` returns false.
void RemoveDeadLetterSpools(bool (*exists)(Oid database, const void* argument),
                            const void* argument);

}  // namespace fraiseql::pg
