// SPDX-License-Identifier: PostgreSQL
// What JetStream's API answers.
#include <algorithm>
#include <string>

#include "core/change/message.h"
#include "core/pipeline/stream_mark.h"
#include "fuzz.h"
#include "nats/base/names.h"
#include "nats/base/server_json.h"
#include "nats/jetstream/stored_message.h"
#include "nats/jetstream/stream_api.h"

namespace {

int DepthOf(const fraiseql::nats::Json& value) {
  int depth = 0;
  if (!value.is_structured()) return depth;
  for (const auto& member : value) depth = std::max(depth, DepthOf(member));
  return depth + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fraiseql;
  const std::string_view text = TextOf(data, size);
  const nats::ApiReply reply = nats::ParseApiReply(text, "stream");
  MUST(IsClean(reply.status.message()));
  nats::StreamState state;
  if (nats::ParseStreamState(text, "stream", &state).ok()) {
    MUST(state.last_sequence <= kMaxStreamSequence && state.replicas >= 1);
    MUST(IsStreamCreated(state.created));
  }
  const nats::Json object = nats::ParseObject(text);
  MUST(DepthOf(object) <= nats::kMaxJsonDepth);
  const nats::Json copy = object;  // by recursion
  MUST(copy == object);
  (void)nats::ToText(copy);
  nats::StoredMessage stored;
  if (nats::ParseStoredMessage(nats::ObjectAt(object, "message"), &stored)) {
    MUST(stored.sequence > 0 && stored.sequence <= kMaxStreamSequence);
    MUST(nats::IsWireSubject(stored.subject));
  }
  return 0;
}
