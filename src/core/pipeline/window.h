// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/change/message.h"
#include "core/pipeline/place_set.h"
#include "core/pipeline/publish_stats.h"
#include "core/pipeline/stream_contents.h"

namespace fraiseql {

// The messages that are not yet known to be stored, in log order: the part of the log between
// "read" and "confirmed".  Each message has a sequence number of the window's own, from 1, never
// reused by the same window.  Worker's main thread only; does no I/O.
//
// Invariants (asserted):
//   I1  first <= next <= end: [first, next) is sent, [next, end) waits to be sent;
//   I2  the message `first` is not acknowledged: the window begins with the oldest unknown one;
//   I3  settled_lsn() is the end of a transaction of which every message is acknowledged, as is
//       every message of every transaction before it;
//   I4  memory is bounded: no message is added without room, and none is ever dropped.
class Window {
 public:
  // At most `messages` messages and about `bytes` bytes of them; one message always has room in an
  // empty window, however large.
  Window(size_t messages, size_t bytes);

  bool HasRoom() const;
  bool empty() const { return first_ == end_; }
  size_t size() const { return static_cast<size_t>(end_ - first_); }
  size_t in_flight() const { return static_cast<size_t>(next_ - first_); }
  bool has_unsent() const { return next_ != end_; }
  size_t bytes() const { return bytes_; }

  // An empty message to fill, owned by the window; it becomes part of the window with Seal().
  // REQUIRES: HasRoom().
  Message* Add();
  void Seal();
  // The message that Add() returned.  REQUIRES: it is not sealed.
  const Message& unsealed() const { return at(end_); }

  // All messages sealed so far belong to transactions that end at or before `end_lsn`.
  // REQUIRES: end_lsn does not go backwards.
  void EndTransaction(uint64_t end_lsn);

  // The next message to send, skipping those already acknowledged; nullptr if there is none.
  // `*sequence` is the number by which it will be acknowledged.
  const Message* NextToSend(uint64_t* sequence);
  // `behind`: if it is stored, however often it is sent, then after this place of the stream.
  void Sent(uint64_t sequence, uint64_t behind = 0);
  // The broker has refused message `sequence`.  That proves that it is not stored only if it was
  // sent once: an earlier attempt may still arrive.
  void Refused(uint64_t sequence);
  bool WasRefused(uint64_t sequence) const { return entries_[sequence % entries_.size()].refused; }
  // The first message after this one that is not acknowledged; 0 if there is none.
  uint64_t OpenBehind(uint64_t sequence) const {
    while (++sequence < end_) {
      if (IsOpen(sequence)) return sequence;
    }
    return 0;
  }
  bool IsLast(uint64_t sequence) const { return OpenBehind(sequence) == 0; }

  enum class AckKind : uint8_t {
    kStored,     // stored now
    kDuplicate,  // stored before, and not again
    kLate,       // possibly in an earlier stream
  };

  // Message `sequence` is stored, at this place of the stream (0: not known).  False if the number
  // is no longer in flight (a late second acknowledgement); nothing changes then.  `stats` (null:
  // none) count it.
  bool Ack(uint64_t sequence, uint64_t stream_sequence = 0, AckKind kind = AckKind::kStored,
           PublishStats* stats = nullptr);

  // The known places of acknowledged messages in the stream after `mark`, in the order of the
  // stream.  Those before `mark` are forgotten.
  std::vector<StoredPlaces> PlacesBehind(uint64_t mark);

  // As Ack(), for this message and all before it; returns how many were not known to be stored.
  uint64_t AckThrough(uint64_t sequence, uint64_t stream_sequence, PublishStats* stats = nullptr);

  bool IsInside(uint64_t sequence) const { return sequence >= first_ && sequence < end_; }
  // Whether the message is in the window and not acknowledged.
  bool IsOpen(uint64_t sequence) const {
    return IsInside(sequence) && !entries_[sequence % entries_.size()].acked;
  }

  // Whether the message is in the window and has been sent, also if that was before a Rewind().
  bool WasSent(uint64_t sequence) const {
    return IsInside(sequence) && entries_[sequence % entries_.size()].behind != kUnsent;
  }

  // Sends again from the first message that is not acknowledged.
  void Rewind() { next_ = first_; }

  // The stream has been checked up to `stream_end`, with this result: a message that was sent and
  // is not found there can only be stored after it, unless the stream may have removed it.
  void LookedThrough(const StreamContents& found, uint64_t stream_end);

  // The stream is not the earlier one: the known places do not apply to it, and messages that were
  // sent may be anywhere in it.
  void ForgetPlaces();

  // A place in the stream: every stored message of the unsettled transactions is after it,
  // including the acknowledged messages of the oldest one; at most `unsent`.
  uint64_t StoredBehind(uint64_t unsent) const;

  // End of the last transaction that is completely stored; 0 before the first.
  uint64_t settled_lsn() const { return settled_lsn_; }

  // The last message such that it and all before it are stored or dead letters; it may be in the
  // middle of a transaction; zero before the first.
  const Position& settled_through() const { return settled_through_; }

  // Message `sequence` is sent though a later one is already stored.
  void Overtaken(uint64_t sequence);
  uint64_t highest_acked() const { return highest_acked_; }

  // How often a message is stored after one that it precedes in the log.
  uint64_t order_breaks() const { return order_breaks_; }

  uint64_t first() const { return first_; }
  uint64_t next() const { return next_; }
  uint64_t end() const { return end_; }
  const Message& at(uint64_t sequence) const {
    return entries_[sequence % entries_.size()].message;
  }

 private:
  static constexpr uint64_t kUnsent = UINT64_MAX;

  struct Entry {
    Message message;
    bool acked = false;
    bool overtaken = false;
    bool refused = false;
    bool sent_again = false;
    bool in_stream = false;  // `stream_sequence` is a place of the current stream
    uint64_t stream_sequence = 0;
    uint64_t behind = kUnsent;  // see Sent()
  };
  struct TransactionEnd {
    uint64_t after;  // settled when first_ has reached this number
    uint64_t lsn;
  };

  Entry& entry(uint64_t sequence) { return entries_[sequence % entries_.size()]; }
  void Settle();
  void SettleTransactions();
  void CheckOrder(const Entry& settled);

  const size_t max_bytes_;
  std::vector<Entry> entries_;        // ring, index = sequence modulo size
  std::vector<TransactionEnd> ends_;  // ring of the same size, [ends_first_, ends_end_)
  uint64_t first_ = 1;
  uint64_t next_ = 1;
  uint64_t end_ = 1;
  uint64_t ends_first_ = 0;
  uint64_t ends_end_ = 0;
  size_t bytes_ = 0;
  uint64_t settled_lsn_ = 0;
  Position settled_through_;
  uint64_t settled_behind_ = kUnsent;  // of the settled messages of an unsettled transaction
  uint64_t highest_acked_ = 0;
  uint64_t last_stream_sequence_ = 0;  // of the last settled message whose place is known
  uint64_t order_breaks_ = 0;
  PlaceSet settled_places_;
};

}  // namespace fraiseql
