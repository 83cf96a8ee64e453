// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <vector>

#include "core/change/message.h"
#include "core/change/position.h"
#include "core/base/status.h"
#include "core/pipeline/stream_contents.h"
#include "core/pipeline/stream_mark.h"

namespace fraiseql {

// The broker's reply to one message.
struct Reply {
  uint64_t sequence = 0;         // the number given to Send(); 0: no message in particular
  bool duplicate = false;        // it was stored before, which counts as stored
  uint64_t stream_sequence = 0;  // where in the stream it is stored; 0: not known
  Status status;                 // ok: stored
  bool through = false;          // ok: so is every message sent before it since the sink was opened
  bool adjacent = false;         // through: and nothing else was stored in between
  bool late = false;             // it may be from an earlier stream of the same name, and
                                 // `stream_sequence` a place of that one
  bool refused = false;          // not ok: this attempt to send the message did not store it
  bool needs_resync = false;     // the stream is not as the sink expected: open it again
};

// The input with which the sink finds out what is stored already.
struct ResumePoint {
  StreamMark mark = StreamMark::NothingStored();
  uint64_t seen = 0;         // known length of the stream of the mark
  uint64_t settled_lsn = 0;  // transactions committed before it are settled
  Position through = {};     // so are all messages up to this one, inclusive
  // Transactions committed before it may have been sent by a process that has died, and may still
  // be on their way into the stream.
  uint64_t uncertain_before_lsn = 0;
  // Known places of acknowledged messages in the stream of the mark, in its order.
  std::vector<StoredPlaces> known = {};
  BatchMark batch = {};  // in use before
};

// What the sink found when it opened.
struct Opened {
  StreamMark end;           // of the stream: messages sent from now on are stored after it
  bool is_marked = false;   // it is the stream of the mark
  StreamContents contents;  // after the mark, up to the end
  Status loss;              // not ok: the stream has lost acknowledged messages
};

// Where messages go: the interface between the pipeline and the broker (src/nats), replaced by a
// fake in the unit tests.  No function blocks, calls back or throws; worker's main thread only.
class Sink {
 public:
  enum class State : uint8_t {
    kClosed,   // status() has the reason; only Open() leaves this state
    kOpening,  // connecting, checking the stream
    kOpen,     // takes messages
  };

  virtual ~Sink() = default;

  // Starts one attempt to open, from any state.  Messages sent before may or may not be stored;
  // their refusals that are still under way are dropped, their acknowledgements are delivered.
  virtual void Open(const ResumePoint& from) = 0;

  // What the last Open() found; to be taken once.  REQUIRES: state() == kOpen.
  virtual Opened TakeOpened() = 0;

  virtual State state() const = 0;

  // Why the sink is closed.
  virtual const Status& status() const = 0;

  // Whether Send() can take a message now without growing an unbounded buffer.
  virtual bool CanSend() const = 0;

  // What Send() would return for the message, as far as the sink can decide without sending.
  // REQUIRES: state() == kOpen.
  virtual Status Check(const Message& message) = 0;

  // What is known about a message that is to be sent.
  struct Around {
    uint64_t behind = 0;       // how many are to be sent after it; 0: none for now
    bool sent_before = false;  // it may have been sent before, and be on its way
  };

  // Sends the message (the sink copies what it needs).  kRejected: this message can never be
  // stored; kUnavailable: the sink has failed and needs Open().  If messages are to follow, the
  // sink may omit the acknowledgement of this message if that of a later one covers it.
  // REQUIRES: state() == kOpen.
  virtual Status Send(const Message& message, uint64_t sequence, const Around& around) = 0;

  // The next reply that has arrived; false if there is none.
  virtual bool NextReply(Reply* reply) = 0;

  // A batch in which the sink is about to send; none (id 0) if there is none.  Until BatchNoted()
  // it sends nothing: the owner records the batch first, for the ResumePoint of the next Open(),
  // also of another process.
  virtual BatchMark BatchToNote() const { return {}; }
  // REQUIRES: there is a batch to note.  `noted`: it is recorded.
  virtual void BatchNoted(bool /*noted*/) {}
};

}  // namespace fraiseql
