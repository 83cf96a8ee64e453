// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

// Builds the requests of the JetStream API about streams, and reads the answers.

// The values that the spec sets, without the subjects, with the names that the server uses.
nlohmann::json StreamFields(const StreamSpec& spec);
bool IsFixedField(std::string_view field);  // cannot be changed after creation

// The body of a request to create a stream.
nlohmann::json NewStreamConfig(const StreamSpec& spec);
// The body of an update: the existing configuration with the wanted values that can be changed.
nlohmann::json MergedStreamConfig(nlohmann::json config, const StreamSpec& wanted);

struct StreamInfo {
  StreamSpec config;        // all values are set; the subjects are safe to show
  std::string created;      // in the server's format; distinguishes streams of the same name
  std::string answered_at;  // when the server described it; empty: before 2.10 it does not say
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  uint64_t consumers = 0;
  // It has, or had, messages older than `created`: nats-server 2.9 sets `created` of a stream whose
  // configuration was changed to the time of its own next start.
  bool is_older_than_created = false;
  // If false, a replica of the stream has answered, and its values may be outdated.
  bool has_leader = true;

  bool replicated() const { return config.replicas.value_or(1) > 1; }
  bool keeps_consumed() const {
    return config.retention.value_or(Retention::kLimits) == Retention::kLimits;
  }
};
// Reads the answer to a request to create, update or describe a stream.  kUnavailable if the answer
// is invalid; `what` begins the text.
Status ReadStreamInfo(const nlohmann::json& answer, std::string_view what, StreamInfo* info);

// True for the `created` that a non-clustered server reports while the stream is being created.
// The stream is listed already, but has no store: an update at this moment crashes nats-server 2.9
// (a nil pointer in stream.updateWithAdvisory).
bool IsBeingMade(std::string_view created);
Status StillBeingMade(std::string_view what);  // kUnavailable

// The first stream in the answer to STREAM.NAMES that is not `own`, safe to show; empty: there is
// none.
std::string StreamInNames(const nlohmann::json& answer, std::string_view own);

// Adds to JetStream's refusal to create a stream the name of the stream with the overlapping
// subjects (empty: not known).
Status OverlapWith(const std::string& other, Status refused);

}  // namespace fraiseql::nats
