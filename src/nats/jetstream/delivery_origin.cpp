// SPDX-License-Identifier: PostgreSQL
#include "nats/jetstream/delivery_origin.h"

#include <algorithm>
#include <array>

#include "core/base/number.h"
#include "core/pipeline/stream_mark.h"

namespace fraiseql::nats {

bool ParseDeliveryOrigin(std::string_view reply, DeliveryOrigin* origin) {
  std::array<std::string_view, 12> tokens;
  size_t count = 0;
  while (count < tokens.size() && !reply.empty()) {
    const size_t dot = std::min(reply.find('.'), reply.size());
    tokens[count++] = reply.substr(0, dot);
    reply.remove_prefix(std::min(reply.size(), dot + 1));
  }
  if (count < 9 || count == 10 || tokens[0] != "$JS" || tokens[1] != "ACK") return false;
  const size_t stream = count == 9 ? 2 : 4;
  origin->consumer = tokens[stream + 1];
  return ReadWholeDecimal(tokens[stream + 3], &origin->sequence) &&
         origin->sequence <= kMaxStreamSequence &&
         ReadWholeDecimal(tokens[stream + 5], &origin->time_ns) &&
         ReadWholeDecimal(tokens[stream + 6], &origin->pending);
}

}  // namespace fraiseql::nats
