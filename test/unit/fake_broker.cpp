// SPDX-License-Identifier: PostgreSQL
#include "fake_broker.h"

#include <algorithm>

namespace fraiseql {

namespace {
constexpr uint64_t kAckInterval = 64;  // as Publisher asks for in a chain
}  // namespace

void FakeBroker::Open(const ResumePoint& from) {
  ++opens_;
  from_ = from;
  for (Wire& wire : wires_) {
    if (wire.heard == Heard::kAll) wire.heard = Heard::kAcks;
  }
  DropRefusals();
  for (Reply& reply : replies_) reply.late = true;
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
    wires_.back().stream_size = stream_.size();
    opened_ = Look();
  }
}

Opened FakeBroker::Look() const {
  Opened opened;
  opened.end = {std::to_string(incarnation_), stream_.size()};
  if (from_.mark.nothing_stored()) return opened;
  const bool same = from_.mark.stream == opened.end.stream;
  opened.is_marked = same;
  if (!same || from_.seen > opened.end.sequence) opened.loss = Status::Unavailable("lost");
  for (size_t i = same ? from_.mark.sequence : 0; i < opened.end.sequence; ++i) {
    if (let_go_[i]) {
      LetGo(i + 1, same, &opened.contents);
    } else if (!stream_[i].empty() && positions_[i].commit_lsn >= from_.settled_lsn) {
      opened.contents.Found(positions_[i], chained);
    }
  }
  return opened;
}

void FakeBroker::LetGo(uint64_t sequence, bool same_stream, StreamContents* contents) const {
  for (const StoredPlaces& known : from_.known) {
    if (same_stream && known.first <= sequence && sequence <= known.last) {
      return contents->LetGo(known.position);
    }
  }
  contents->LetGo(1);
}

Status FakeBroker::Check(const Message& message) {
  const std::string id(FindHeader(message.headers, "Nats-Msg-Id"));
  return too_large.count(id) > 0 ? Status::Rejected("message is too large") : Status::Ok();
}

Status FakeBroker::Send(const Message& message, uint64_t sequence, const Around& around) {
  Status status = Check(message);
  if (!status.ok()) return status;
  const std::string id(FindHeader(message.headers, "Nats-Msg-Id"));
  Wire& wire = wires_.back();
  const bool want_ack = around.behind == 0 || sequence % kAckInterval == 0 || !chained;
  wire.messages.push_back(
      {sequence, id, message.position, want_ack, wire.last_id, wire.stream_size});
  wire.last_id = id;
  return Status::Ok();
}

bool FakeBroker::IsInStep(const Sent& sent) const {
  if (!chained) return true;
  if (sent.expected_id.empty()) return stream_.size() == sent.expected_size;
  return !stream_.empty() && stream_.back() == sent.expected_id;
}

bool FakeBroker::Holds(const std::string& id) const {
  for (size_t i = 0; i < stream_.size(); ++i) {
    if (!let_go_[i] && stream_[i] == id) return true;
  }
  return false;
}

void FakeBroker::Answer(const Wire& wire, const Reply& reply, bool want_ack) {
  const bool heard = wire.heard == Heard::kAll || (wire.heard == Heard::kAcks && reply.status.ok());
  if (!heard || !want_ack) return;
  replies_.push_back(reply);
  replies_.back().late = wire.heard != Heard::kAll;
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
  Reply reply;
  reply.sequence = sent.sequence;
  const auto known = remembered_.find(sent.id);
  if (known != remembered_.end()) {  // looked for first, so nothing is proved of those before it
    reply.duplicate = true;
    reply.stream_sequence = known->second;
    reply.needs_resync = chained && wire + 1 == wires();
  } else if (IsInStep(sent)) {
    if (Holds(sent.id)) ++twice_;
    stream_.push_back(sent.id);
    positions_.push_back(sent.position);
    let_go_.push_back(false);
    remembered_[sent.id] = stream_.size();
    reply.stream_sequence = stream_.size();
    reply.through = reply.adjacent = chained;
  } else {
    ++gaps_;
    reply.needs_resync = true;
    reply.refused = true;
    reply.status = Status::Unavailable("wrong last message");
  }
  Answer(wires_[wire], reply, sent.want_ack);
}

void FakeBroker::Reject(size_t wire, const Status& status) {
  ++gaps_;
  const Sent sent = Take(wire);
  Reply reply;
  reply.sequence = sent.sequence;
  reply.refused = true;
  reply.status = status;
  Answer(wires_[wire], reply, sent.want_ack);
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

void FakeBroker::WaitOutDeduplication() {
  while (wires() > 1) wires_.erase(wires_.begin());
  wires_.back().messages.clear();
  remembered_.clear();
}

void FakeBroker::StoreForeign() {
  stream_.emplace_back();
  positions_.emplace_back();
  let_go_.push_back(false);
}

void FakeBroker::LetGo(size_t first, size_t end) {
  for (size_t i = first; i < std::min(end, let_go_.size()); ++i) let_go_[i] = true;
}

std::vector<std::string> FakeBroker::stream() const {
  std::vector<std::string> ours = stream_;
  ours.erase(std::remove(ours.begin(), ours.end(), ""), ours.end());
  return ours;
}

void FakeBroker::Recreate() {
  ++incarnation_;
  deleted_.insert(stream_.begin(), stream_.end());
  stream_.clear();
  positions_.clear();
  let_go_.clear();
  remembered_.clear();
}

bool FakeBroker::Stores(const std::string& id) const {
  return deleted_.count(id) > 0 || std::find(stream_.begin(), stream_.end(), id) != stream_.end();
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
