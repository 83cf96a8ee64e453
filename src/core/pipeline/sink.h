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

// What the broker said of one message.
struct Reply {
  uint64_t sequence = 0;         // the number given to Send(); 0: of no message in particular
  bool duplicate = false;        // it was stored before: as good as stored now
  uint64_t stream_sequence = 0;  // where in the stream it is stored; 0: not known
  Status status;                 // ok: stored
  bool through = false;          // ok: so is all that was sent before it since the sink was opened
  bool late = false;             // it may have been sent to another stream, one that was there
                                 // before, and `stream_sequence` be a place of that one
  bool refused = false;          // not ok: the message was not stored, as it was sent this time
  bool needs_resync = false;     // the stream is not what the sink took it to be: open it again
};

// What the sink has to know to find out what is stored already.
struct ResumePoint {
  StreamMark mark = StreamMark::NothingStored();
  uint64_t seen = 0;         // the stream of the mark is known to have been at least this long
  uint64_t settled_lsn = 0;  // what committed before it does not matter any more
  Position through = {};     // nor what comes up to and with this one in the log
  // What committed before it may have been sent by a process that is dead, and may still be on its
  // way into the stream.
  uint64_t uncertain_before_lsn = 0;
  // Where acknowledged messages are in the stream of the mark, as far as that is known; in its
  // order.
  std::vector<StoredPlaces> known = {};
};

// What the sink found when it opened.
struct Opened {
  StreamMark end;           // of the stream: what is sent from now on is stored behind it
  bool is_marked = false;   // it is the stream of the mark
  StreamContents contents;  // behind the mark and not behind the end
  Status loss;              // not ok: the stream has lost what it had acknowledged
};

// Where messages go: the seam between the pipeline and the broker (src/nats), replaced by a fake in
// the unit tests.  Nothing here blocks, calls back or throws; worker's main thread only.
class Sink {
 public:
  enum class State : uint8_t {
    kClosed,   // status() says why; only Open() leads out of it
    kOpening,  // connecting, looking at the stream
    kOpen,     // takes messages
  };

  virtual ~Sink() = default;

  // Begins one attempt to become open, from any state.  Whatever was sent before may or may not be
  // stored; refusals of it that are still under way are dropped, acknowledgements are delivered.
  virtual void Open(const ResumePoint& from) = 0;

  // What the last Open() has found; to be taken once.  REQUIRES: state() == kOpen.
  virtual Opened TakeOpened() = 0;

  virtual State state() const = 0;

  // Why the sink is closed.
  virtual const Status& status() const = 0;

  // Whether a message can be handed over now without growing an unbounded buffer.
  virtual bool CanSend() const = 0;

  // What Send() would say of the message, as far as that can be told without sending it.
  // REQUIRES: state() == kOpen.
  virtual Status Check(const Message& message) = 0;

  // Hands the message over (the sink copies what it needs).  kRejected: this message can never be
  // stored; kUnavailable: the sink is broken and wants Open().  Without `want_ack` the sink may do
  // without an acknowledgement of this message, if one of a later message tells as much.
  // REQUIRES: state() == kOpen.
  virtual Status Send(const Message& message, uint64_t sequence, bool want_ack) = 0;

  // The next reply that has arrived; false if there is none.
  virtual bool NextReply(Reply* reply) = 0;
};

}  // namespace fraiseql
