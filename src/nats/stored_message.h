// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"

namespace fraiseql::nats {

class JetStreamClient;

// A message as a stream holds it.
struct StoredMessage {
  uint64_t sequence = 0;
  int64_t time_ns = 0;  // when it was stored, since 1970, by the server's clock
  std::string subject;
  std::string headers;  // lines "Name: value\r\n", as in core's Message
  std::string payload;
};

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

// Nanoseconds since 1970 of a time as the server writes it, "2026-11-23T23:26:36.618989544Z";
// false for anything else.
bool ParseTime(std::string_view text, int64_t* time_ns);

// False if the text is no base64 with padding.
bool DecodeBase64(std::string_view text, std::string* data);

}  // namespace fraiseql::nats
