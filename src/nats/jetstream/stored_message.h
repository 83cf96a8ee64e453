// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// A message in a stream.
struct StoredMessage {
  uint64_t sequence = 0;
  int64_t time_ns = 0;  // when it was stored, since 1970, by the server's clock
  std::string subject;
  std::string headers;  // lines "Name: value\r\n", as in core's Message
  std::string payload;
};

// Reads the member "message" of JetStream's answer; false if it is invalid.
bool ParseStoredMessage(const nlohmann::json& message, StoredMessage* stored);

struct ApiAnswer;
// The message in the answer to STREAM.MSG.GET.  No message and status ok if the stream has none.
// `what` begins the text of an error.
Status ReadMessage(const ApiAnswer& answer, std::string_view what,
                   std::optional<StoredMessage>* message);

// The lines of a block "NATS/1.0\r\nName:value\r\n...\r\n", with one blank after each colon.
std::string ReadHeaderBlock(std::string_view block);

// Nanoseconds since 1970 of a time as the server writes it, "2026-11-23T23:26:36.618989544Z"; false
// for another format, and for years before 1970 or after 2255.
bool ParseTime(std::string_view text, int64_t* time_ns);

// False if the text is not base64 with padding.
bool DecodeBase64(std::string_view text, std::string* data);

}  // namespace fraiseql::nats
