// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

#include "core/base/status.h"

namespace fraiseql::nats {

class JetStreamClient;

// The ids of the dead letters stored since some time, so that none is stored twice.
//
// Nats-Msg-Id alone does not ensure this: JetStream discards ids after the duplicate window.  So a
// dead letter is published with the expectation that the last message on its subject is still the
// one up to which this index has read (Nats-Expected-Last-Subject-Sequence, and
// Nats-Expected-Stream, because the sequence is one of this stream).  If another publisher, such as
// a mover that seemed dead, has stored a message since, the server refuses and the index reads the
// new messages.  So check and store are atomic.
//
// It suffices to read the messages stored since the give-up, because the letter cannot be older.
// Clocks of servers in a cluster may differ by up to kClockMarginNs.
//
// A letter that has been removed from the stream counts as not stored.  If a mover dies right after
// it has stored a letter, the letter must stay in the stream until the next mover checks: it must
// not be deleted, expire, or be acknowledged in a stream with interest or work queue retention.
class DeadLetterIndex {
 public:
  static constexpr int64_t kClockMarginNs = int64_t{60} * 1000000000;

  // REQUIRES: the stream takes `subject`.
  DeadLetterIndex(JetStreamClient* js, std::string stream, std::string subject);

  // Reads the letters stored since `time_ns`, unless the index has them.
  Status Cover(int64_t time_ns);
  // Reads the letters that other publishers have stored since the last read.
  Status ReadOn();

  bool Contains(const std::string& id) const { return ids_.count(id) > 0; }

  // Adds a letter that the owner has stored at `sequence`; 0: it was a duplicate.
  void Add(const std::string& id, uint64_t sequence);

  const std::string& stream() const { return stream_; }
  // The sequence to expect: that of the last message on the subject at the last read; 0: none.
  uint64_t last_sequence() const { return last_sequence_; }

 private:
  Status FindFirst(int64_t time_ns, uint64_t* sequence);

  JetStreamClient* const js_;
  const std::string stream_;
  const std::string subject_;
  std::unordered_set<std::string> ids_;
  size_t max_ids_ = 0;  // with more, Cover() clears the index and reads from a later time
  int64_t covered_since_ns_ = 0;
  uint64_t read_up_to_ = 0;
  uint64_t last_sequence_ = 0;
};

}  // namespace fraiseql::nats
