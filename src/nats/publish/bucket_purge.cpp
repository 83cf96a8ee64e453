// SPDX-License-Identifier: PostgreSQL
#include "nats/publish/bucket_purge.h"

#include <algorithm>

#include "core/route/bucket.h"
#include "nats/base/names.h"
#include "nats/base/server_json.h"
#include "nats/connection/nats_status.h"
#include "nats/jetstream/api_answer.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kTimeoutMs = 5000;

}  // namespace

void BucketPurge::Begin(const std::string& stream) {
  stream_ = stream;
  subject_ = TruncateSubject(stream);
  awaited_ = 0;
  deadline_ms_ = 0;
}

std::string BucketPurge::RequestBody(uint64_t place) { return ToText(Json{{"seq", place}}); }

Status BucketPurge::Stored(uint64_t sequence, uint64_t place, Connection* connection,
                           int64_t now_ms) {
  if (awaited_ == 0 || sequence != awaited_) return Status::Ok();
  awaited_ = 0;
  deadline_ms_ = now_ms + kTimeoutMs;
  return connection->Request(connection->ApiSubject(RequestName(stream_)), RequestBody(place),
                             connection->inbox() + "." + std::string(kAddress));
}

Status BucketPurge::OnAnswer(std::string_view answer) {
  deadline_ms_ = 0;
  return ParseApiAnswer(answer, StreamNamed(stream_)).status;
}

Status BucketPurge::Tick(int64_t now_ms) const {
  if (deadline_ms_ == 0 || now_ms < deadline_ms_) return Status::Ok();
  return NoAnswer("JetStream", "a purge of " + StreamNamed(stream_));
}

int64_t BucketPurge::WaitMs(int64_t now_ms) const {
  return deadline_ms_ == 0 ? -1 : std::max<int64_t>(0, deadline_ms_ - now_ms);
}

}  // namespace fraiseql::nats
