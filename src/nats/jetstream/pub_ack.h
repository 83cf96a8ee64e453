// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>

#include "nats/jetstream/jetstream_error.h"

namespace fraiseql::nats {

// What a stream answers to a publish.  Views into the data that was parsed.
struct PubAck {
  enum class Kind : uint8_t {
    kStored,
    kRefused,  // see `error`
    kForeign,  // not from JetStream: a service on the same subject may answer, too
    kAbsurd,   // stored beyond what a stream can hold
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
// with or without blanks behind ':' and ','.  Scans for the few fields that matter instead of
// parsing, as there is one of these for every message; a name of a field can only stand in a
// string with its quotes escaped, and so is never mistaken.
PubAck ParsePubAck(std::string_view data);

}  // namespace fraiseql::nats
