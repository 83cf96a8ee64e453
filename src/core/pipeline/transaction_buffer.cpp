// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/transaction_buffer.h"

#include <algorithm>

namespace fraiseql {

namespace {
constexpr size_t kKeptMessages = 64;  // for the next transaction
}

void TransactionBuffer::SetLimits(size_t messages, size_t bytes) {
  max_messages_ = messages;
  max_bytes_ = bytes;
}

void TransactionBuffer::Begin() {
  held_count_ = 0;
  held_bytes_ = 0;
  notified_.clear();
  holding_ = false;
  overflowed_ = false;
}

Message* TransactionBuffer::Add(Kind kind, std::string_view topic) {
  if (kind == Kind::kNotification && !overflowed_) Notify(topic);
  if (kind == Kind::kTopicRow && !overflowed_) {
    if (IsNotified(topic)) return nullptr;
    holding_ = true;
  }
  if (holding_ && (held_count_ >= max_messages_ || held_bytes_ >= max_bytes_)) Overflow();
  if (!holding_) return receiver_->Add();
  if (held_count_ == held_.size()) held_.emplace_back();
  Held& held = held_[held_count_];
  held.message.Clear();
  held.replaced = false;
  held.refused = {};
  held.topic.clear();
  if (kind == Kind::kTopicRow) held.topic.assign(topic);
  return &held.message;
}

void TransactionBuffer::Seal() {
  if (!holding_) {
    receiver_->Seal();
    return;
  }
  held_bytes_ += held_[held_count_].message.size();
  ++held_count_;
}

// A message that cannot be published is reported in its place among the others, unless it is
// replaced as well.
void TransactionBuffer::Reject(const Status& reason) {
  if (!holding_) {
    receiver_->Reject(reason);
    return;
  }
  held_[held_count_].refused = reason;
  Seal();
}

void TransactionBuffer::End(uint64_t end_lsn) {
  if (holding_) PassOn();
  if (held_.size() > kKeptMessages) {
    held_.resize(kKeptMessages);
    held_.shrink_to_fit();
  }
  receiver_->EndTransaction(end_lsn);
}

bool TransactionBuffer::IsNotified(std::string_view topic) const {
  return std::find(notified_.begin(), notified_.end(), topic) != notified_.end();
}

void TransactionBuffer::Notify(std::string_view topic) {
  if (IsNotified(topic)) return;
  notified_.emplace_back(topic);
  for (size_t i = 0; i < held_count_; ++i) {
    held_[i].replaced = held_[i].replaced || held_[i].topic == topic;
  }
}

void TransactionBuffer::PassOn() {
  for (size_t i = 0; i < held_count_; ++i) {
    if (held_[i].replaced) continue;
    std::swap(*receiver_->Add(), held_[i].message);
    if (held_[i].refused.ok()) {
      receiver_->Seal();
    } else {
      receiver_->Reject(held_[i].refused);
    }
  }
  held_count_ = 0;
  held_bytes_ = 0;
}

void TransactionBuffer::Overflow() {
  PassOn();
  holding_ = false;
  overflowed_ = true;
}

}  // namespace fraiseql
