// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/destroy_batch.h"

#include <nats/nats.h>

namespace fraiseql::nats {

namespace {
// Enough for the thread to be woken seldom, little enough to lie around.
constexpr size_t kMaxMessages = 512;
constexpr size_t kMaxBytes = 1024 * 1024;
}  // namespace

void DestroyBatch::Add(natsMsg* message) {
  if (message == nullptr) return;
  messages_.push_back(message);
  bytes_ += static_cast<size_t>(natsMsg_GetDataLength(message));
  if (messages_.size() >= kMaxMessages || bytes_ >= kMaxBytes) Destroy();
}

void DestroyBatch::Destroy() {
  for (natsMsg* message : messages_) natsMsg_Destroy(message);
  messages_.clear();
  bytes_ = 0;
}

}  // namespace fraiseql::nats
