// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline.h"

#include <algorithm>
#include <string>

namespace fraiseql {

Pipeline::Pipeline(Sink* sink, const PipelineOptions& options)
    : sink_(sink),
      options_(options),
      window_(options.window_messages, options.window_bytes),
      backoff_(options.min_delay_ms, options.max_delay_ms) {}

void Pipeline::Run(int64_t now_ms) {
  if ((state_ == State::kWaiting || state_ == State::kBlocked) && now_ms >= next_attempt_ms_) {
    Begin();
  }
  // Acknowledgements count in every state: a stored message is stored, whoever asked.
  TakeReplies(now_ms);
  if (state_ == State::kOpening) {
    if (sink_->state() == Sink::State::kClosed) {
      Fail(sink_->status(), now_ms);
    } else if (sink_->state() == Sink::State::kOpen) {
      window_.Rewind();
      state_ = State::kStreaming;
    }
  }
  if (state_ != State::kStreaming) return;
  if (sink_->state() != Sink::State::kOpen) {
    Fail(sink_->status(), now_ms);
  } else if (window_.in_flight() > 0 && now_ms - silent_since_ms_ >= options_.ack_timeout_ms) {
    Fail(Status::Unavailable(
             "no acknowledgement within " + std::to_string(options_.ack_timeout_ms) + " ms",
             "The stream may have no leader or quorum, or the server be overloaded "
             "or stopped."),
         now_ms);
  } else {
    SendWhatFits(now_ms);
  }
}

int64_t Pipeline::WaitMs(int64_t now_ms) const {
  switch (state_) {
    case State::kWaiting:
    case State::kBlocked:
      return std::max<int64_t>(0, next_attempt_ms_ - now_ms);
    case State::kStreaming:
      if (window_.in_flight() == 0) return -1;
      return std::max<int64_t>(0, silent_since_ms_ + options_.ack_timeout_ms - now_ms);
    case State::kOpening:
      return -1;
  }
  return -1;
}

void Pipeline::Restart() {
  backoff_.Reset();
  Begin();
}

void Pipeline::Begin() {
  state_ = State::kOpening;
  sink_->Open();
}

void Pipeline::TakeReplies(int64_t now_ms) {
  Reply reply;
  while (sink_->NextReply(&reply)) {
    if (reply.status.ok()) {
      const uint64_t oldest = window_.first();
      if (!window_.Ack(reply.sequence, reply.stream_sequence)) continue;
      ++acked_;
      duplicates_ += reply.duplicate ? 1 : 0;
      last_progress_ms_ = now_ms;
      if (window_.first() != oldest) silent_since_ms_ = now_ms;
      backoff_.Reset();
      probing_ = false;
    } else if (state_ == State::kStreaming) {
      (void)Refused(reply.sequence, reply.status, now_ms);
    }
  }
}

void Pipeline::SendWhatFits(int64_t now_ms) {
  uint64_t sequence = 0;
  // What is refused again shall not be overtaken again, nor the whole window be sent for nothing.
  while (sink_->CanSend() && !(probing_ && window_.in_flight() > 0)) {
    const Message* message = window_.NextToSend(&sequence);
    if (message == nullptr) return;
    const Status status = sink_->Send(*message, sequence);
    if (!status.ok()) {
      if (Refused(sequence, status, now_ms)) continue;
      return;
    }
    if (window_.in_flight() == 0) silent_since_ms_ = now_ms;
    window_.Sent(sequence);
    ++sent_;
    if (sequence <= highest_sent_) ++resent_;
    highest_sent_ = std::max(highest_sent_, sequence);
  }
}

// What was said of message `sequence` (0: of none in particular).  True: the others may go on.
bool Pipeline::Refused(uint64_t sequence, const Status& reason, int64_t now_ms) {
  if (reason.code() != StatusCode::kRejected || sequence == 0) {
    Fail(reason, now_ms);
    return false;
  }
  if (!window_.IsOpen(sequence)) return true;  // it is settled, whatever is still said of it
  const Status kept = Keep(window_.at(sequence), reason);
  if (!kept.ok()) {
    Fail(kept, now_ms);
    state_ = State::kBlocked;
    return false;
  }
  const uint64_t oldest = window_.first();
  window_.Ack(sequence);
  last_progress_ms_ = now_ms;
  if (window_.first() != oldest) silent_since_ms_ = now_ms;
  backoff_.Reset();
  return true;
}

Status Pipeline::Keep(const Message& message, const Status& reason) {
  if (box_ == nullptr) return reason;
  Status kept = box_->Keep(message, reason);
  dead_letters_ += kept.ok() ? 1 : 0;
  return kept;
}

void Pipeline::Fail(const Status& status, int64_t now_ms) {
  ++failures_;
  trouble_ = status;
  probing_ = true;
  const bool blocked = status.code() == StatusCode::kRejected && box_ == nullptr;
  state_ = blocked ? State::kBlocked : State::kWaiting;
  next_attempt_ms_ = now_ms + backoff_.Next();
}

}  // namespace fraiseql
