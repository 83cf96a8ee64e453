// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>

#include "core/message.h"
#include "core/status.h"

namespace fraiseql {

// What the broker said of one message.
struct Reply {
  uint64_t sequence = 0;         // the number given to Send(); 0: of no message in particular
  bool duplicate = false;        // it was stored before: as good as stored now
  uint64_t stream_sequence = 0;  // where in the stream it is stored; 0: not known
  Status status;                 // ok: stored
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
  virtual void Open() = 0;

  virtual State state() const = 0;

  // Why the sink is closed.
  virtual const Status& status() const = 0;

  // Whether a message can be handed over now without growing an unbounded buffer.
  virtual bool CanSend() const = 0;

  // Hands the message over (the sink copies what it needs).  kRejected: this message can never be
  // stored; kUnavailable: the sink is broken and wants Open().
  // REQUIRES: state() == kOpen.
  virtual Status Send(const Message& message, uint64_t sequence) = 0;

  // The next reply that has arrived; false if there is none.
  virtual bool NextReply(Reply* reply) = 0;
};

}  // namespace fraiseql
