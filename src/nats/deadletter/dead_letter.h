// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/change/message.h"
#include "nats/jetstream/stored_message.h"

namespace fraiseql::nats {

// The facts of JetStream's advisory about a message that a consumer has given up.
struct GiveUp {
  std::string stream;
  std::string consumer;
  uint64_t sequence = 0;  // of the message, in the stream
  uint64_t deliveries = 0;
  std::string reason;   // "max_deliver", "terminated" or "terminated: <the program's reason>"
  int64_t time_ns = 0;  // since 1970, by the server's clock
};

// Reads the advisories of types io.nats.jetstream.advisory.v1.max_deliver and .terminated; false
// for anything else.  Any client of the account may have published it: only its form is checked.
bool ParseAdvisory(std::string_view payload, GiveUp* give_up);

// The id of the dead letter, the same for every mover: "dlq:<stream>:<consumer>:<sequence>".
std::string DeadLetterId(const GiveUp& give_up);

// Whether the message is a dead letter itself: it has the dead letter subject, or its
// Fraiseql-Dlq-Subject is not its own subject.  (A dead letter that was sent to its original
// subject again, with all its headers, is an ordinary message.)
bool IsDeadLetter(const StoredMessage& message, std::string_view dead_letter_subject);

// The parts of the original that a dead letter has.
enum class Content : uint8_t {
  kAll,      // headers and payload
  kGone,     // nothing: the stream has removed it
  kTooLarge  // nothing: with the headers of a dead letter it exceeds max_payload
};

// Appends to an empty `letter` the headers and the payload of a dead letter:
//
//   Nats-Msg-Id              dlq:<stream>:<consumer>:<sequence>
//   Fraiseql-Dlq-Stream      <stream>
//   Fraiseql-Dlq-Sequence    <sequence of the original in it>
//   Fraiseql-Dlq-Consumer    <the one that has given it up>
//   Fraiseql-Dlq-Deliveries  <how often it was delivered>
//   Fraiseql-Dlq-Reason      <GiveUp::reason>
//   Fraiseql-Dlq-Subject     <of the original>, unless it was removed
//   Fraiseql-Dlq-Missing     "gone" or "too_large", if the payload is not the original's
//   ...                      all headers of the original but Nats-* and Fraiseql-Dlq-*
//
// A program that sends a dead letter to its original subject again has to omit Nats-* as well.
//
// The payload is that of the original; if that is missing, it is a JSON object with the same facts,
// because readers of dead letters expect JSON.  `original` is null if the stream has removed it.
void WriteDeadLetter(const GiveUp& give_up, const StoredMessage* original, Content content,
                     Message* letter);

}  // namespace fraiseql::nats
