// SPDX-License-Identifier: PostgreSQL
// What JetStream's API answers.
#include <algorithm>
#include <string>

#include "core/change/message.h"
#include "core/pipeline/stream_mark.h"
#include "fuzz.h"
#include "nats/base/names.h"
#include "nats/base/server_json.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/stored_message.h"
#include "nats/jetstream/stream_api.h"
#include "nats/manage/broker_findings.h"

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
  const nats::ApiAnswer answer = nats::ParseApiAnswer(text, "stream");
  MUST(IsClean(answer.status.message()));
  const nats::Json& object = answer.body;
  nats::StreamInfo info;
  if (nats::ReadStreamInfo(object, "stream", &info).ok()) {
    MUST(info.last_sequence <= kMaxStreamSequence && info.config.replicas >= 1);
    MUST(IsStreamCreated(info.created));
  }
  MUST(DepthOf(object) <= nats::kMaxJsonDepth);
  const nats::Json copy = object;  // by recursion
  MUST(copy == object);
  (void)nats::ToText(copy);
  nats::StoredMessage stored;
  if (nats::ParseStoredMessage(nats::ObjectAt(object, "message"), &stored)) {
    MUST(stored.sequence > 0 && stored.sequence <= kMaxStreamSequence);
    MUST(nats::IsWireSubject(stored.subject));
  }
  nats::BrokerCheck check;
  nats::FindLimits(object, &check.findings);
  for (const nats::Finding& finding : check.findings) MUST(IsClean(finding.what));
  nats::FindClockDifference(nats::TextAt(object, "ts"), 0, 1, &check.findings);
  nats::ReadPermissions(object, &check);
  return 0;
}
