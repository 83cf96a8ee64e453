// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/pipeline/stream_mark.h"

namespace fraiseql::nats {

class JetStreamClient;

struct TailQuery {
  std::string stream;
  std::string origin;         // of the wanted messages: see AppendOrigin() of core
  std::string likely;         // the subject of most of them; may have wildcards
  std::string asked_subject;  // see StreamTail::takes_subject
  // The subjects with which the stream will be created if it does not exist; empty: it will not be.
  std::vector<std::string> wanted_subjects = {};
  // Messages before the mark are ignored.
  StreamMark mark = StreamMark::NothingStored();
  // The most messages to read if the mark is not of this stream; a million takes two seconds.
  uint64_t limit = 10000000;
};

struct StreamTail {
  uint64_t newest_lsn = 0;     // commit LSN of the newest message found; 0: none
  uint64_t sequence = 0;       // of that message in the stream, or of a later one
  bool takes_subject = false;  // or will take it, once it is created
  // The limit was reached; messages that were not read may be newer.
  bool cut_short = false;
};

// Finds the newest message of this origin: checks the last one on the likely subject, then reads
// the headers of the messages after it, backwards from the end of the stream in growing steps.  Of
// a stream that removes consumed messages, only the last messages are checked.  If none is found,
// or the stream does not exist, the status is ok.
Status LookAtTail(JetStreamClient* js, const TailQuery& query, StreamTail* tail);

}  // namespace fraiseql::nats
