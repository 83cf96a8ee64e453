// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

#include "core/base/status.h"

namespace fraiseql::nats {

class JetStreamClient;

// Which dead letters are stored since some time, so that none is stored twice.
//
// Nats-Msg-Id alone does not see to that: JetStream forgets ids after the duplicate window.  So a
// dead letter is published with the expectation that the last message on its subject is still the
// one up to which this index has read all of them (Nats-Expected-Last-Subject-Sequence, and
// Nats-Expected-Stream, as the sequence is one of this stream): if
// anybody, be it a mover that was thought dead, has stored something since, the server refuses, and
// the index reads on.  Thus "look, then store" is one step, whatever happens in between.
//
// It suffices to look at what was stored since the give-up, for the letter cannot be older.  Clocks
// of servers in a cluster may differ by up to kClockMarginNs.
//
// A letter that has been removed from the stream counts as not stored: between a mover's death
// right after storing it and the next mover's look, it must neither be deleted, nor expire, nor be
// acknowledged in a stream with retention by interest or of a work queue.
class DeadLetterIndex {
 public:
  static constexpr int64_t kClockMarginNs = int64_t{60} * 1000000000;

  // `subject` is one of the stream's.
  DeadLetterIndex(JetStreamClient* js, std::string stream, std::string subject);

  // Has the index know the letters since `time_ns`.
  Status Cover(int64_t time_ns);
  // Has it know what was stored by others since it has last looked.
  Status ReadOn();

  bool Contains(const std::string& id) const { return ids_.count(id) > 0; }

  // Notes a letter that the owner has stored, at `sequence`; 0: it was there already.
  void Add(const std::string& id, uint64_t sequence);

  const std::string& stream() const { return stream_; }
  // What to expect, 0 for none: the last message on the subject, when the index was up to date.
  uint64_t last_sequence() const { return last_sequence_; }

 private:
  Status FindFirst(int64_t time_ns, uint64_t* sequence);

  JetStreamClient* const js_;
  const std::string stream_;
  const std::string subject_;
  std::unordered_set<std::string> ids_;
  size_t max_ids_ = 0;  // with more, it begins anew from a later time
  int64_t covered_since_ns_ = 0;
  uint64_t read_up_to_ = 0;
  uint64_t last_sequence_ = 0;
};

}  // namespace fraiseql::nats
