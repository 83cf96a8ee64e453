// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/change/message.h"
#include "nats/jetstream/stored_message.h"

namespace fraiseql::nats {

// What JetStream announces when a consumer has given up a message.
struct GiveUp {
  std::string stream;
  std::string consumer;
  uint64_t sequence = 0;  // of the message, in the stream
  uint64_t deliveries = 0;
  std::string reason;   // "max_deliver", "terminated" or "terminated: <what the program says>"
  int64_t time_ns = 0;  // since 1970, by the server's clock
};

// Reads the advisories of types io.nats.jetstream.advisory.v1.max_deliver and .terminated; false
// for anything else.  Any client of the account may have published it: what it says is checked as
// to form, and no more.
bool ParseAdvisory(std::string_view payload, GiveUp* give_up);

// The id of the dead letter, the same whoever makes it: "dlq:<stream>:<consumer>:<sequence>".
std::string DeadLetterId(const GiveUp& give_up);

// Whether the message is a dead letter itself: one on the dead letter subject, or one that was made
// for another message's subject than its own.  (A dead letter sent to its original subject again,
// with all its headers, is a message like any other.)
bool IsDeadLetter(const StoredMessage& message, std::string_view dead_letter_subject);

// What a dead letter has of the original.
enum class Content : uint8_t {
  kAll,      // headers and payload
  kGone,     // nothing: it is not in the stream any more
  kTooLarge  // nothing: with the headers of a dead letter it is more than NATS takes
};

// Appends to an empty `letter` the headers and the payload of a dead letter:
//
//   Nats-Msg-Id              dlq:<stream>:<consumer>:<sequence>
//   Fraiseql-Dlq-Stream      <stream>
//   Fraiseql-Dlq-Sequence    <sequence of the original in it>
//   Fraiseql-Dlq-Consumer    <who has given it up>
//   Fraiseql-Dlq-Deliveries  <how often it was delivered>
//   Fraiseql-Dlq-Reason      <GiveUp::reason>
//   Fraiseql-Dlq-Subject     <of the original>, unless it is gone
//   Fraiseql-Dlq-Missing     "gone" or "too_large", if the payload is not the original's
//   ...                      all headers of the original but Nats-* and Fraiseql-Dlq-*
//
// Whoever sends a dead letter to its original subject again leaves out Nats-* likewise.
//
// The payload is that of the original; where that is missing, a JSON object with the same facts,
// for those who read dead letters expect to find JSON in them.  `original` is null if it is gone.
void WriteDeadLetter(const GiveUp& give_up, const StoredMessage* original, Content content,
                     Message* letter);

}  // namespace fraiseql::nats
