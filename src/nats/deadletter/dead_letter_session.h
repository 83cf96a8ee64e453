// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/status.h"
#include "nats/deadletter/dead_letter.h"
#include "nats/deadletter/dead_letter_index.h"
#include "nats/deadletter/dead_letter_mover.h"
#include "nats/jetstream/jetstream_client.h"
#include "nats/manage/stalled_consumers.h"

namespace fraiseql::nats {

// The work of a dead letter mover while it is connected: it turns advisories into dead letters, one
// at a time.  It stores the dead letter before it acknowledges the advisory: if it dies in between,
// the next mover gets the advisory and finds the letter stored, see dead_letter_index.h.
class DeadLetterSession {
 public:
  using Snapshot = DeadLetterMover::Snapshot;

  explicit DeadLetterSession(DeadLetterSettings settings);

  // Connects, and creates or updates the stream of advisories and its consumer.
  Status Open(ServerList* servers, const EventFd* cancel);

  // Waits up to a few seconds for an advisory and processes it.  Adds to the counters of
  // `snapshot`.  Not ok: the session has ended.
  Status RunOnce(Snapshot* snapshot);

 private:
  enum class Outcome : uint8_t { kMoved, kMovedFacts, kAlreadyThere, kLoop };

  Status EnsureAdvisories();
  Status FindDeadLetterStream();
  Status CheckConsumers();
  Status Handle(const JetStreamClient::Delivered& advisory, Snapshot* snapshot);
  Status Move(const GiveUp& give_up, Outcome* outcome);
  Status IsLoop(const GiveUp& give_up, const StoredMessage* original, bool* loop);
  Status Store(const GiveUp& give_up, const StoredMessage* original, Outcome* outcome);
  Status StoreOnce(const std::string& id, const Message& letter, Outcome* outcome);

  const DeadLetterSettings settings_;
  const std::string advisories_;  // name of the stream of advisories
  std::unique_ptr<JetStreamClient> js_;
  std::unique_ptr<DeadLetterIndex> index_;
  StalledConsumers stalled_;
  int64_t next_check_ms_ = 0;
};

}  // namespace fraiseql::nats
