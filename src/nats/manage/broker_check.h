// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

namespace fraiseql::nats {

class JetStreamClient;

// Something at the broker that is wrong, or soon will be.
struct Finding {
  bool is_error;           // it stops publishing; otherwise a warning
  std::string object;      // what it is about: 'stream "orders"'
  std::string what;        // what is wrong with it
  std::string what_to_do;  // a hint
};

// The broker as a stream's settings need it.
struct BrokerCheck {
  std::vector<Finding> findings;
  bool has_stream = false;            // the stream exists, and
  std::vector<std::string> subjects;  // takes these
  // The subjects that the user may publish to, and those that the user may not.  Empty: no
  // restriction, or the server does not tell (before 2.10).
  std::vector<std::string> allowed;
  std::vector<std::string> denied;
};

// Finds what is wrong with the account, the stream, its consumers and the clock.  Changes nothing.
// Not ok: the broker cannot be used at all.
Status CheckBroker(JetStreamClient* js, const StreamSettings& wanted, BrokerCheck* check);

// The parts of it that only read an answer.
// `account`: the answer to INFO.
void FindLimits(const nlohmann::json& account, std::vector<Finding>* findings);
// `answer`: the answer to $SYS.REQ.USER.INFO.
void ReadPermissions(const nlohmann::json& answer, BrokerCheck* check);

}  // namespace fraiseql::nats
