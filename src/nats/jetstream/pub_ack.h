// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>

#include "nats/jetstream/jetstream_error.h"

namespace fraiseql::nats {

// The answer of a stream to a publish.  The views point into the parsed data.
struct PubAck {
  enum class Kind : uint8_t {
    kStored,
    kRefused,  // see `error`
    kForeign,  // not from JetStream: a service on the same subject may also answer
    kAbsurd,   // the sequence is larger than a stream can have
  };
  Kind kind = Kind::kForeign;
  std::string_view stream;
  uint64_t stream_sequence = 0;
  bool duplicate = false;  // it was stored before
  JetStreamError error;
};

// One of
//   {"stream":"S","seq":N[,"duplicate":true]...}
//   {"error":{"code":N,"err_code":N,"description":"..."},...}
// with or without blanks after ':' and ','.  Scans for the needed fields instead of parsing the
// JSON, because there is an answer for each message.  A string cannot be mistaken for the name of a
// field, because the quotes in it are escaped.
PubAck ParsePubAck(std::string_view data);

}  // namespace fraiseql::nats
