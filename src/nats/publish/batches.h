// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/change/message.h"
#include "core/pipeline/stream_mark.h"

namespace fraiseql::nats {

// Publishes a backlog in fast-ingest batches (ADR-50, nats-server 2.14): the stream refuses what
// follows a message that it has refused or not received, whoever else writes to it.  So the
// messages need no id that the server has to remember, and few of them an acknowledgement.
//
// A batch begins when many messages wait and none is in flight; the last one for now commits it.
// All batches of a connection have the same id.  Messages outside of batches have a Nats-Msg-Id.
//
// Only a stream of one replica: the acknowledgement of a replicated one may cover a message that
// was proposed but not stored (nats-server 2.15).
//
// After a failure, messages of the earlier connection may still arrive.  None of them is stored
// after the check of the stream:
//
// - One outside of a batch has an id, and is sent again with it (`sent_before`).
// - So is the first one of a batch.  The others are sent when the stream has begun the batch.
// - Before the check, the stream is asked to end the batch with the earlier id, until it does not
//   know it any more (StreamOpening::EndBatch()): it then refuses messages that continue it.
// - An id is recorded before it is used: the next process needs it.
class Batches {
 public:
  // A batch begins if so many messages are to follow the first one.
  static constexpr uint64_t kLeastBehind = 32;
  // The most bytes that Send() appends.
  static constexpr size_t kMoreReply = 60;

  // An opening of the stream.  `allowed`: batches are wanted, and the stream takes them.
  void Begin(bool allowed);
  void End() { phase_ = Phase::kOff; }
  bool on() const { return phase_ != Phase::kOff; }

  // `in_flight`: messages outside of batches are not acknowledged.
  bool CanSend(bool in_flight) const;
  // Whether the next message belongs to a batch, if `behind` are to follow it.
  bool TakesNext(uint64_t behind, bool in_flight) const;
  // Whether a batch is to begin after the next message, which does not belong to one; it needs an
  // acknowledgement then.
  bool WantsToBegin(uint64_t behind) const { return on() && behind >= kLeastBehind; }

  // The id that is to be recorded, with the subject of a message.
  BatchMark ToNote() const;
  // Whether it is recorded; if not, there are no batches until the next opening.
  void Noted(bool noted);

  // The next message belongs to a batch: completes the reply subject, which ends with the number
  // `sequence`.  `last`: nothing is to be sent after it for now.  REQUIRES: TakesNext().
  void Send(uint64_t sequence, bool last, std::string* reply);
  // Whether the next message in a batch is its first one.
  bool begins() const { return sent_ == 0; }
  // A message with this subject was sent outside of a batch, and `behind` are to follow it.
  void SentOutside(const std::string& subject, uint64_t behind);

  // The number by which Send() knew the `count`th message of the batch; 0: it has none.
  uint64_t SequenceOf(uint64_t count) const;
  // The stream has begun the batch.
  void Begun();
  // How many messages were sent in the batch after the `count`th.
  uint64_t SentBehind(uint64_t count) const { return sent_ - count; }
  // The stream has ended the batch, with so many messages.  Returns whether these are all.
  // REQUIRES: on().
  bool Committed(uint64_t count);

 private:
  enum class Phase : uint8_t {
    kOff,
    kIdle,
    kBeginning,  // the first message is sent
    kOpen,
    kCommitting,  // the last message is sent
  };
  // Of consecutive messages in the batch, the numbers are consecutive, too.
  struct Run {
    uint64_t count;
    uint64_t sequence;
  };

  Phase phase_ = Phase::kOff;
  uint64_t id_ = 0;
  bool noted_ = false;
  bool wants_to_begin_ = false;
  std::string subject_;
  uint64_t sent_ = 0;  // of the present batch
  std::vector<Run> runs_;
};

// Appends "<id, 16 hex digits>.<messages an acknowledgement>.fail.<count>.<operation>.$FI", with
// which the reply subject of a message in a batch ends.
enum class BatchOperation : uint8_t { kStart, kAppend, kCommit, kCommitEmpty, kPing };
void AppendBatchReply(uint64_t id, uint64_t count, BatchOperation operation, std::string* reply);

}  // namespace fraiseql::nats
