// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace fraiseql::nats {

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

// Limits that are reached, or nearly.  `account`: the answer to INFO.
void FindLimits(const nlohmann::json& account, std::vector<Finding>* findings);

// `answer`: the answer to $SYS.REQ.USER.INFO.
void ReadPermissions(const nlohmann::json& answer, BrokerCheck* check);

// `text`: the server's time of an answer to a request that was made between two times of ours, in
// nanoseconds since 1970.
void FindClockDifference(const std::string& text, int64_t from_ns, int64_t to_ns,
                         std::vector<Finding>* findings);

}  // namespace fraiseql::nats
