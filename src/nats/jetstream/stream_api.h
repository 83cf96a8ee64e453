// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

// What the JetStream API is told of a stream, and tells of one.

// Those values that the spec has, subjects aside, in the server's words.
nlohmann::json StreamFields(const StreamSpec& spec);
bool IsFixedField(std::string_view field);  // when the stream is created

// The body of a create request.
nlohmann::json NewStreamConfig(const StreamSpec& spec);
// That of an update: the configuration that is there, with what is wanted and can be changed.
nlohmann::json MergedStreamConfig(nlohmann::json config, const StreamSpec& wanted);

struct StreamInfo {
  StreamSpec config;    // all set; the subjects as they may be shown
  std::string created;  // as the server writes it; tells streams of the same name apart
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  uint64_t consumers = 0;
  // It has messages from before that time, or has had some that are gone: nats-server 2.9 calls a
  // stream whose configuration was changed as old as its own next start.
  bool is_older_than_created = false;
  // Else it is replicated, and any of its servers has answered, with what it knows.
  bool has_leader = true;

  bool replicated() const { return config.replicas.value_or(1) > 1; }
  bool keeps_consumed() const {
    return config.retention.value_or(Retention::kLimits) == Retention::kLimits;
  }
};
// The answer to a request to create, update or tell of a stream.  kUnavailable if that makes no
// sense; `what` begins the text.
Status ReadStreamInfo(const nlohmann::json& answer, std::string_view what, StreamInfo* info);

// True of the time that a server without clusters tells as long as a stream is still being made.
// It is listed already, but has no store: whoever changes it then ends nats-server 2.9 (a nil
// pointer in stream.updateWithAdvisory).
bool IsBeingMade(std::string_view created);
Status StillBeingMade(std::string_view what);  // kUnavailable

// The first stream in the answer to STREAM.NAMES that is not `own`, as it may be shown; empty:
// there is none.
std::string StreamInNames(const nlohmann::json& answer, std::string_view own);

// What JetStream says of a stream that cannot be made, with the name of the other one (empty: it is
// not known).
Status OverlapWith(const std::string& other, Status refused);

}  // namespace fraiseql::nats
