// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>

namespace fraiseql::nats {

// The origin of a delivery, from its reply subject (ADR-15).  The server sets this subject, not the
// publisher of the message.
struct DeliveryOrigin {
  std::string_view consumer;
  uint64_t sequence = 0;  // in the stream
  int64_t time_ns = 0;    // when it was stored, since 1970
  uint64_t pending = 0;   // messages after it
};

// False if the subject does not have this form:
//   $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.<n>.<time>.<pending>...
bool ParseDeliveryOrigin(std::string_view reply, DeliveryOrigin* origin);

}  // namespace fraiseql::nats
