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
    // In a batch (ADR-50):
    kStoredThrough,  // messages are stored, up to the `batch_count`th
    kBatchGap,       // a message is missing: the batch has ended before it
  };
  Kind kind = Kind::kForeign;
  std::string_view stream;
  uint64_t stream_sequence = 0;
  bool duplicate = false;  // it was stored before
  // The count of the message in its batch.  kStored: of the last one, which has ended the batch.
  // kRefused: of the refused one, 0 if it is the one that is answered.
  uint64_t batch_count = 0;
  JetStreamError error;
};

// One of
//   {"stream":"S","seq":N[,"duplicate":true]...}
//   {"stream":"S","seq":N,"batch":"B","count":N}
//   {"type":"ack","seq":N,...}, {"type":"gap",...}
//   {"type":"err","seq":N,"error":{...}}
//   {"error":{"code":N,"err_code":N,"description":"..."},...}
// with or without blanks after ':' and ','.  Scans for the needed fields instead of parsing the
// JSON, because there is an answer for each message.  A string cannot be mistaken for the name of a
// field, because the quotes in it are escaped.
PubAck ParsePubAck(std::string_view data);

}  // namespace fraiseql::nats
