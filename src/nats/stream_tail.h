// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>

#include "core/status.h"

namespace fraiseql::nats {

class JetStreamClient;

struct TailQuery {
  std::string stream;
  std::string id_prefix;      // of the Nats-Msg-Ids that are looked for: AppendIdPrefix() of core
  std::string likely;         // where most of them are: a subject, it may have wildcards
  std::string asked_subject;  // does the stream take it?
};

struct StreamTail {
  uint64_t newest_lsn = 0;  // commit LSN of the newest message found; 0: none
  uint64_t sequence = 0;    // of that message in the stream
  bool takes_subject = false;
};

// Looks for the newest message with one of these ids: the last one on the likely subject, and
// whatever else is among the last few hundred messages of the stream.  A stream that does not exist
// holds none; then, and when none is found, the status is ok.
Status LookAtTail(JetStreamClient* js, const TailQuery& query, StreamTail* tail);

}  // namespace fraiseql::nats
