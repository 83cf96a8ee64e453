// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string_view>

namespace fraiseql::nats {

// Where a delivery comes from, as its reply subject says (ADR-15).  It is the server's word, not
// that of whoever has published the message.
struct DeliveryOrigin {
  std::string_view consumer;
  uint64_t sequence = 0;  // in the stream
  int64_t time_ns = 0;    // when it was stored, since 1970
  uint64_t pending = 0;   // messages behind it
};

// False if the subject is none of these:
//   $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.<n>.<time>.<pending>...
bool ParseDeliveryOrigin(std::string_view reply, DeliveryOrigin* origin);

}  // namespace fraiseql::nats
