// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/base/status.h"
#include "nats/manage/consumer_management.h"

namespace fraiseql::nats {

class JetStreamClient;

// Finds pull consumers that nobody pulls from any more while messages wait for an acknowledgement
// that will not come, and makes JetStream notice which of these have used up their deliveries: it
// does so only when it looks for a message to deliver.
//
// So it is asked for one of at most one byte.  Messages whose deliveries are used up are given up
// on the way; the first that is left is too large, and stays.  Servers from 2.10 on put it back as
// it was.  Earlier ones (seen with 2.9.10) count the delivery that did not happen, which would cost
// a message with deliveries left one of them: these are asked only if there can be none, as
// max_deliver is 1.  To be safe, the server is trusted if it says its API level, from 2.11 on.
class StalledConsumers {
 public:
  // Looks at all consumers of the stream.  To be called every now and then; `now_ms` is of any
  // steady clock.
  Status Check(JetStreamClient* js, const std::string& stream, int64_t now_ms);

 private:
  // How a consumer stood when something was last seen to move, and since when it stands so, or has
  // been asked.
  struct Standing {
    uint64_t deliveries = 0;
    uint64_t ack_floor = 0;
    uint64_t ack_pending = 0;
    int64_t since_ms = 0;
  };

  Status AskTrust(JetStreamClient* js);
  bool IsStalled(const ConsumerInfo& consumer, int64_t now_ms);

  enum class Trust : uint8_t { kUnknown, kNo, kYes };
  Trust trust_ = Trust::kUnknown;
  std::map<std::string, Standing> standing_;  // by name
};

}  // namespace fraiseql::nats
