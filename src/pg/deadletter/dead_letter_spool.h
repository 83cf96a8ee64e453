// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

#include <string>

#include "core/deadletter/dead_letter_box.h"
#include "core/deadletter/dead_letter_record.h"
#include "core/deadletter/spool_frame.h"
#include "pg/base/worker_key.h"

namespace fraiseql::pg {

// Where a worker keeps dead letters until they are in the table: fraiseql_nats/<database OID>.
// dead_letters below the data directory.  For a message may turn out to be one while a transaction
// is being decoded, a large one with the window full: then the worker can run no transaction of its
// own, and yet cannot wait.
//
// A frame (core/deadletter/spool_frame.h) that a crash has left unfinished is cut off: its message
// was not settled and comes again.  What is damaged is set aside in <database
// OID>.dead_letters.damaged, and told of until that file is removed. One process at a time, its
// main thread only.  Lives as long as the process.
class DeadLetterSpool final : public DeadLetterBox {
 public:
  explicit DeadLetterSpool(const WorkerKey& worker);
  DeadLetterSpool(const DeadLetterSpool&) = delete;
  DeadLetterSpool& operator=(const DeadLetterSpool&) = delete;

  // Finds what an earlier worker has left; kUnavailable if the file cannot be opened or read.
  Status Open();

  // Not ok: dead letters were found damaged when the file was opened, now or at some time before.
  const Status& damage() const { return damage_; }

  // Appends a dead letter; kUnavailable if the file cannot be written.  It may be lost in a crash
  // of the operating system until Sync().
  Status Store(const Message& message, const Status& reason) override;

  // After this everything kept survives: to be called before the slot is confirmed.  May raise.
  void Sync();

  bool empty() const { return stored_ == end_; }
  // Why the last one is one.
  const Status& last_reason() const { return last_reason_; }

  // The next one that was not read yet, until the next call; false if there is none.  May raise.
  bool Read(DeadLetterRecord* record);
  // What was read is in the table: never given out again, and the file is emptied when that is all
  // of it.  May raise.
  void Forget();
  // What was read is not in the table: it is given out again.
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
  bool dirty_ = false;  // something is not synced
  off_t end_ = 0;
  off_t stored_ = 0;  // what lies before is in the table
  off_t read_ = 0;    // what lies between was given out
  Status last_reason_;
  std::string frame_;  // scratch: the frame that is being written
};

// Removes what was kept for a database: it, or the extension in it, is gone.
void RemoveDeadLetterSpool(const WorkerKey& worker);

// Calls RemoveDeadLetterSpool() for every database that `exists` denies.
void RemoveDeadLetterSpools(bool (*exists)(Oid database, const void* argument),
                            const void* argument);

}  // namespace fraiseql::pg
