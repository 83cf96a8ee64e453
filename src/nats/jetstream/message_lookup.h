// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/status.h"
#include "nats/jetstream/stored_message.h"

namespace fraiseql::nats {

class JetStreamClient;

// None if the stream has no such message; then the status is ok.
Status GetMessage(JetStreamClient* js, const std::string& stream, uint64_t sequence,
                  std::optional<StoredMessage>* message);
// The first with a sequence of at least `from` and a subject that `filter` matches.
Status GetNextMessage(JetStreamClient* js, const std::string& stream, uint64_t from,
                      const std::string& filter, std::optional<StoredMessage>* message);
// The last with this subject.  Before 2.10, the server finds none when the stream's very last
// message was deleted; what it expects by Nats-Expected-Last-Subject-Sequence agrees with that.
Status GetLastMessage(JetStreamClient* js, const std::string& stream, const std::string& subject,
                      std::optional<StoredMessage>* message);

}  // namespace fraiseql::nats
