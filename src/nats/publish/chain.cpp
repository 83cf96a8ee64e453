// SPDX-License-Identifier: PostgreSQL
#include "nats/publish/chain.h"

#include <cassert>

#include "core/base/number.h"

namespace fraiseql::nats {

void Chain::AppendExpectation(std::string* lines) const {
  assert(kind_ != Kind::kNone);
  if (last_id_.empty()) {
    lines->append("Nats-Expected-Last-Sequence: ");
    AppendDecimal(stream_end_, lines);
  } else {
    lines->append("Nats-Expected-Last-Msg-Id: ").append(last_id_);
  }
  lines->append("\r\n");
}

void Chain::Sent(std::string_view message_id) {
  ++stream_end_;
  if (kind_ == Kind::kMessageId) last_id_.assign(message_id);
}

Chain::Kind Exclusivity::KindFor(int64_t now_ms, int replicas) const {
  if (wanted_ == Exclusive::kOff || now_ms < paused_until_ms_) return Chain::Kind::kNone;
  if (wanted_ == Exclusive::kAuto && now_ms < shared_until_ms_) return Chain::Kind::kNone;
  return replicas <= 1 ? Chain::Kind::kMessageId : Chain::Kind::kSequence;
}

void Exclusivity::SawForeign(int64_t now_ms) {
  // Counted once for each interval: the other publisher may write all the time.
  if (now_ms < shared_until_ms_) return;
  shared_until_ms_ = now_ms + backoff_.Next();
}

}  // namespace fraiseql::nats
