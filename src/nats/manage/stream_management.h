// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

class JetStreamClient;

enum class Discard : uint8_t { kOld, kNew };  // what a full stream does without
enum class Retention : uint8_t { kLimits, kInterest, kWorkQueue };

// What a stream is to be like.  A value that is not set is none of our business: the server's
// default in a new stream, left alone in one that exists.
struct StreamSpec {
  std::string name;
  std::vector<std::string> subjects;
  std::optional<Storage> storage;      // fixed when the stream is created
  std::optional<Retention> retention;  // the same
  std::optional<int> replicas;
  std::optional<int64_t> max_age_ms;    // 0: no limit
  std::optional<int64_t> max_bytes;     // -1: no limit
  std::optional<int64_t> max_messages;  // -1: no limit
  std::optional<int64_t> duplicate_window_ms;
  std::optional<Discard> discard;
};

struct StreamInfo {
  StreamSpec config;    // all set
  std::string created;  // as the server writes it: RFC 3339, UTC
  std::string leader;   // of a cluster; else empty
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  uint64_t consumers = 0;
};

// kInvalid if the stream does not exist.
Status GetStreamInfo(JetStreamClient* js, const std::string& stream, StreamInfo* info);

enum class EnsureMode : uint8_t {
  kOff,     // ask nothing, change nothing
  kVerify,  // compare; a missing stream is kInvalid
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

struct StreamOutcome {
  bool created = false;
  std::vector<Difference> differences;  // between the stream as it was found and `wanted`
};

// Brings a stream into being and into shape, as far as `mode` allows.  Whatever the spec does not
// name stays as it is; subjects are added to the stream's, never taken away: one that is covered
// already is left out, and what a new one covers becomes part of it.  Several may do this at the
// same time: each looks again, after a moment, whether its change has lasted.
// kInvalid for a duplicate window longer than max_age, and for what the server refuses.
Status EnsureStream(JetStreamClient* js, const StreamSpec& wanted, EnsureMode mode,
                    StreamOutcome* outcome);

}  // namespace fraiseql::nats
