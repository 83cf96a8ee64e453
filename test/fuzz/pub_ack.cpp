// SPDX-License-Identifier: PostgreSQL
// Acknowledgements of messages, and the reply subjects of deliveries.
#include "nats/jetstream/pub_ack.h"

#include "core/pipeline/stream_mark.h"
#include "fuzz.h"
#include "nats/jetstream/delivery_origin.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  const std::string_view text = TextOf(data, size);
  const nats::PubAck ack = nats::ParsePubAck(text);
  if (ack.kind == nats::PubAck::Kind::kStored) {
    MUST(!ack.stream.empty() && ack.stream_sequence <= kMaxStreamSequence);
  } else if (ack.kind == nats::PubAck::Kind::kRefused) {
    const Status status = nats::ToStatus(ack.error, "stream");
    MUST(!status.ok() && IsClean(status.message()));
  }
  nats::DeliveryOrigin origin;
  if (nats::ParseDeliveryOrigin(text, &origin)) MUST(origin.sequence <= kMaxStreamSequence);
  return 0;
}
