// SPDX-License-Identifier: PostgreSQL
#include "fake_broker.h"

#include <algorithm>

namespace fraiseql {

void FakeBroker::Open() {
  ++opens_;
  for (Wire& wire : wires_) {
    if (wire.heard == Heard::kAll) wire.heard = Heard::kAcks;
  }
  DropRefusals();
  wires_.erase(std::remove_if(wires_.begin(), wires_.end(),
                              [](const Wire& wire) { return wire.messages.empty(); }),
               wires_.end());
  wires_.emplace_back();
  state_ = State::kOpening;
  if (opens_at_once) FinishOpening();
}

void FakeBroker::FinishOpening() {
  if (state_ != State::kOpening) return;
  if (opens_to_refuse > 0) {
    --opens_to_refuse;
    state_ = State::kClosed;
    status_ = Status::Unavailable("connection refused");
  } else {
    state_ = State::kOpen;
  }
}

Status FakeBroker::Send(const Message& message, uint64_t sequence) {
  const std::string id(FindHeader(message.headers, "Nats-Msg-Id"));
  if (too_large.count(id) > 0) return Status::Rejected("message is too large");
  wires_.back().messages.push_back({sequence, id});
  return Status::Ok();
}

bool FakeBroker::NextReply(Reply* reply) {
  if (silent || replies_.empty()) return false;
  *reply = replies_.front();
  replies_.pop_front();
  return true;
}

FakeBroker::Sent FakeBroker::Take(size_t wire) {
  Sent sent = wires_[wire].messages.front();
  wires_[wire].messages.pop_front();
  return sent;
}

void FakeBroker::Store(size_t wire) {
  const Sent sent = Take(wire);
  const auto [stored, added] = stored_.emplace(sent.id, stream_.size() + 1);
  const bool duplicate = !added;
  if (!duplicate) stream_.push_back(sent.id);
  if (wires_[wire].heard != Heard::kNothing) {
    replies_.push_back({sent.sequence, duplicate, stored->second, Status::Ok()});
  }
}

void FakeBroker::Refuse(size_t wire, const Status& status) {
  ++gaps_;
  const Sent sent = Take(wire);
  if (wires_[wire].heard == Heard::kAll) replies_.push_back({sent.sequence, false, 0, status});
}

void FakeBroker::Drop(size_t wire) {
  ++gaps_;
  Take(wire);
}

void FakeBroker::StoreAll() {
  for (size_t wire = 0; wire < wires(); ++wire) {
    while (waiting(wire) > 0) Store(wire);
  }
}

void FakeBroker::Close(size_t lost) {
  state_ = State::kClosed;
  status_ = Status::Unavailable("connection lost");
  for (Wire& wire : wires_) wire.heard = Heard::kNothing;
  std::deque<Sent>& messages = wires_.back().messages;
  messages.resize(messages.size() - std::min(lost, messages.size()));
}

void FakeBroker::Forget() {
  Close();
  replies_.clear();
}

void FakeBroker::DropRefusals() {
  replies_.erase(std::remove_if(replies_.begin(), replies_.end(),
                                [](const Reply& reply) { return !reply.status.ok(); }),
                 replies_.end());
}

}  // namespace fraiseql
