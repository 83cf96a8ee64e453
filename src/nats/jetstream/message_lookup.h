// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/status.h"
#include "nats/jetstream/stored_message.h"

namespace fraiseql::nats {

class JetStreamClient;

// Gets one message.  No message and status ok if the stream has none.
Status GetMessage(JetStreamClient* js, const std::string& stream, uint64_t sequence,
                  std::optional<StoredMessage>* message);
// Gets the first message with a sequence of at least `from` and a subject that `filter` matches.
Status GetNextMessage(JetStreamClient* js, const std::string& stream, uint64_t from,
                      const std::string& filter, std::optional<StoredMessage>* message);
// Gets the last message with this subject.  nats-server before 2.10 finds none if the last message
// of the stream was deleted; its check of Nats-Expected-Last-Subject-Sequence agrees with that.
Status GetLastMessage(JetStreamClient* js, const std::string& stream, const std::string& subject,
                      std::optional<StoredMessage>* message);

}  // namespace fraiseql::nats
