// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>

#include "core/base/status.h"
#include "core/pipeline/stream_mark.h"

namespace fraiseql::nats {

class JetStreamClient;

struct TailQuery {
  std::string stream;
  std::string origin;         // of the messages that are looked for: AppendOrigin() of core
  std::string likely;         // where most of them are: a subject, it may have wildcards
  std::string asked_subject;  // does the stream take it?
  // What stands before it does not matter.
  StreamMark mark = StreamMark::NothingStored();
  // Most messages to look at, if the mark is not of this stream; a million takes two seconds.
  uint64_t limit = 10000000;
};

struct StreamTail {
  uint64_t newest_lsn = 0;  // commit LSN of the newest message found; 0: none
  uint64_t sequence = 0;    // of that message in the stream, or of one behind it
  bool takes_subject = false;
  // What is not looked at, for it is beyond the limit, may hold newer ones.
  bool cut_short = false;
};

// Looks for the newest message of this origin: the last one on the likely subject, and what stands
// behind it in the stream, from its end back, in steps that grow, by their headers.  A stream that
// forgets what was consumed does not tell: only its last messages are looked at.  A stream that
// does not exist holds none; then, and when none is found, the status is ok.
Status LookAtTail(JetStreamClient* js, const TailQuery& query, StreamTail* tail);

}  // namespace fraiseql::nats
