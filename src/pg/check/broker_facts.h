// SPDX-License-Identifier: PostgreSQL
#pragma once

// What check() finds in the files and at the broker: a process finds it, since a session reads no
// file and does not talk to the broker.  Include after postgres.h.

#include <string>
#include <vector>

#include "pg/check/findings.h"
#include "pg/settings/stream_rows.h"

namespace fraiseql::pg {

// A stream as its process has found it.
struct StreamAtBroker {
  std::string name;      // as in the table of observers; empty: the default stream
  bool answers = false;  // the broker can be used
  bool fails = false;    // it cannot; if neither is true, it has not been asked
  bool exists = false;
  std::vector<std::string> subjects;
  std::string subject_prefix;
  std::string topic_prefix;
  std::vector<std::string> allowed;  // see nats::BrokerCheck
  std::vector<std::string> denied;
};

// Adds the findings of the files, and of each stream at the broker.  Looks for the other streams
// only if the broker answers for the default one.
void CheckFilesAndBroker(Findings* findings, std::vector<StreamAtBroker>* streams);

}  // namespace fraiseql::pg
