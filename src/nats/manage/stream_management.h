// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "nats/jetstream/stream_api.h"

namespace fraiseql::nats {

class JetStreamClient;

// kInvalid if the stream does not exist.
Status GetStreamInfo(JetStreamClient* js, const std::string& stream, StreamInfo* info);

// ok as well if there is no such stream.
Status DeleteStream(JetStreamClient* js, const std::string& stream);

enum class EnsureMode : uint8_t {
  kCreate,  // create it if it is missing, else compare
  kUpdate,  // create it, or change what differs
};

// A value that differs from the wanted one, with the server's name of the field.
struct Difference {
  std::string field;  // "max_age"
  std::string wanted;
  std::string found;
  bool changed = false;  // the field now has the wanted value
};

using Differences = std::vector<Difference>;  // between the stream as it was found and `wanted`

// The stream as it is, and how it differs from `wanted`.  Changes nothing.  No stream, and status
// ok, if it does not exist.
Status CompareStream(JetStreamClient* js, const StreamSpec& wanted, std::optional<StreamInfo>* info,
                     Differences* differences);

// Creates or updates a stream, as far as `mode` allows.  Values that the spec does not set stay as
// they are.  Subjects are added to those of the stream: one that is covered already is not added,
// and a new one replaces those that it covers.  Several callers may do this at the same time: each
// checks, after a moment, that its change has not been overwritten.  kInvalid for a duplicate
// window longer than max_age, and for a configuration that the server refuses.
Status EnsureStream(JetStreamClient* js, const StreamSpec& wanted, EnsureMode mode,
                    Differences* outcome);

}  // namespace fraiseql::nats
