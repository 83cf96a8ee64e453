// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "nats/jetstream/stream_api.h"

namespace fraiseql::nats {

class JetStreamClient;

// kInvalid if the stream does not exist.
Status GetStreamInfo(JetStreamClient* js, const std::string& stream, StreamInfo* info);

enum class EnsureMode : uint8_t {
  kCreate,  // create it if it is missing, else compare
  kUpdate,  // create it, or change what differs
};

// Something that is not as it should be, named as the server names it.
struct Difference {
  std::string field;  // "max_age"
  std::string wanted;
  std::string found;
  bool changed = false;  // it is as wanted now
};

using Differences = std::vector<Difference>;  // between the stream as it was found and `wanted`

// Brings a stream into being and into shape, as far as `mode` allows.  Whatever the spec does not
// name stays as it is; subjects are added to the stream's, never taken away: one that is covered
// already is left out, and what a new one covers becomes part of it.  Several may do this at the
// same time: each looks again, after a moment, whether its change has lasted.
// kInvalid for a duplicate window longer than max_age, and for what the server refuses.
Status EnsureStream(JetStreamClient* js, const StreamSpec& wanted, EnsureMode mode,
                    Differences* outcome);

}  // namespace fraiseql::nats
