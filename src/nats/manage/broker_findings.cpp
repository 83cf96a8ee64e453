// SPDX-License-Identifier: PostgreSQL
#include "nats/manage/broker_findings.h"

#include <algorithm>

#include "nats/base/server_json.h"
#include "nats/jetstream/stored_message.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kNsPerMs = 1000000;
constexpr int64_t kMaxClockDifferenceMs = 1000;
constexpr int kNearPercent = 90;

// What is stored, or exists, and how much of it may.
void FindLimit(const char* what, uint64_t used, int64_t limit, bool stops_publishing,
               std::vector<Finding>* findings) {
  if (limit <= 0) return;  // there is none
  const auto most = static_cast<uint64_t>(limit);
  const bool reached = used >= most;
  const bool near = used >= most - most * (100 - kNearPercent) / 100;
  if (!reached && (!stops_publishing || !near)) return;
  findings->push_back(
      {reached && stops_publishing, "account",
       std::string("it has ") + std::to_string(used) + " of at most " + std::to_string(limit) +
           " " + what,
       stops_publishing ? "Raise the limit of the NATS account, or shorten what its streams keep."
                        : "Raise the limit of the NATS account before another one is needed."});
}

void FindLimitsOf(const Json& use, std::vector<Finding>* findings) {
  const Json limits = ObjectAt(use, "limits");
  FindLimit("bytes on disk", CountAt(use, "storage"), IntegerAt(limits, "max_storage"), true,
            findings);
  FindLimit("bytes in memory", CountAt(use, "memory"), IntegerAt(limits, "max_memory"), true,
            findings);
  FindLimit("streams", CountAt(use, "streams"), IntegerAt(limits, "max_streams"), false, findings);
  FindLimit("consumers", CountAt(use, "consumers"), IntegerAt(limits, "max_consumers"), false,
            findings);
}

}  // namespace

void FindLimits(const Json& account, std::vector<Finding>* findings) {
  FindLimitsOf(account, findings);
  const Json tiers = ObjectAt(account, "tiers");
  for (const auto& tier : tiers.items()) {
    if (tier.value().is_object()) FindLimitsOf(tier.value(), findings);
  }
}

void ReadPermissions(const Json& answer, BrokerCheck* check) {
  const Json permissions = ObjectAt(ObjectAt(answer, "data"), "permissions");
  const Json publish = ObjectAt(permissions, "publish");
  check->allowed = ListAt(publish, "allow");
  check->denied = ListAt(publish, "deny");
}

void FindClockDifference(const std::string& text, int64_t from_ns, int64_t to_ns,
                         std::vector<Finding>* findings) {
  int64_t time = 0;
  if (!ParseTime(text, &time)) return;
  const int64_t ahead = time > to_ns ? time - to_ns : 0;
  const int64_t behind = time < from_ns ? from_ns - time : 0;
  const int64_t difference_ms = std::max(ahead, behind) / kNsPerMs;
  if (difference_ms < kMaxClockDifferenceMs) return;
  findings->push_back({false, "broker",
                       "its clock is " + std::to_string(difference_ms) + " ms " +
                           (ahead > 0 ? "ahead of" : "behind") + " the clock of this server",
                       "Synchronize both clocks, for example with NTP."});
}

}  // namespace fraiseql::nats
