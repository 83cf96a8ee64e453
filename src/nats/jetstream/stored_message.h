// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// A message as a stream holds it.
struct StoredMessage {
  uint64_t sequence = 0;
  int64_t time_ns = 0;  // when it was stored, since 1970, by the server's clock
  std::string subject;
  std::string headers;  // lines "Name: value\r\n", as in core's Message
  std::string payload;
};

// Reads the member "message" of JetStream's answer; false if that makes no sense.
bool ParseStoredMessage(const nlohmann::json& message, StoredMessage* stored);

struct ApiAnswer;
// The message in the answer to a request for one; none if there is none, then the status is ok.
// `what` begins the text of an error.
Status ReadMessage(const ApiAnswer& answer, std::string_view what,
                   std::optional<StoredMessage>* message);

// The lines of a block "NATS/1.0\r\nName:value\r\n...\r\n", with one blank behind the colon.
std::string ReadHeaderBlock(std::string_view block);

// Nanoseconds since 1970 of a time as the server writes it, "2026-11-23T23:26:36.618989544Z";
// false for anything else, and before 1970 or
// beyond 2255.
bool ParseTime(std::string_view text, int64_t* time_ns);

// False if the text is no base64 with padding.
bool DecodeBase64(std::string_view text, std::string* data);

}  // namespace fraiseql::nats
