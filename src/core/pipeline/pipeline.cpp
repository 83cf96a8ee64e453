// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/pipeline.h"

#include <algorithm>
#include <string>
#include <utility>

namespace fraiseql {

namespace {
Window::AckKind KindOf(const Reply& reply) {
  if (reply.late) return Window::AckKind::kLate;
  return reply.duplicate ? Window::AckKind::kDuplicate : Window::AckKind::kStored;
}
}  // namespace

Pipeline::Pipeline(Sink* sink, const PipelineOptions& options, ResumePoint start)
    : sink_(sink),
      options_(options),
      window_(options.window_messages, options.window_bytes),
      backoff_(options.min_delay_ms, options.max_delay_ms),
      from_(std::move(start)),
      noted_stream_(from_.mark.stream),
      stream_end_(from_.seen) {}

void Pipeline::Run(int64_t now_ms) {
  if (state_ == State::kWaiting && now_ms >= next_attempt_ms_) Begin();
  // Acknowledgements count in every state: the message is stored, whichever attempt sent it.
  TakeReplies(now_ms);
  if (state_ == State::kOpening) {
    if (sink_->state() == Sink::State::kClosed) {
      Fail(sink_->status(), now_ms);
    } else if (sink_->state() == Sink::State::kOpen) {
      TakeOpened();
    }
  }
  if (state_ != State::kStreaming) return;
  if (sink_->state() != Sink::State::kOpen) {
    Fail(sink_->status(), now_ms);
  } else if (window_.in_flight() > 0 && now_ms - silent_since_ms_ >= options_.ack_timeout_ms) {
    Fail(Status::Unavailable(
             "no acknowledgement within " + std::to_string(options_.ack_timeout_ms) + " ms",
             "The stream may have no leader or quorum, or the server may be overloaded "
             "or stopped."),
         now_ms);
  } else {
    SendWhatFits(now_ms);
  }
}

int64_t Pipeline::WaitMs(int64_t now_ms) const {
  switch (state_) {
    case State::kWaiting:
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
  blocked_ = false;
  Begin();
}

void Pipeline::Begin() {
  from_.mark = mark();
  from_.seen = stream_end_;
  from_.settled_lsn = std::max(from_.settled_lsn, window_.settled_lsn());
  from_.known = window_.PlacesBehind(from_.mark.sequence);
  state_ = State::kOpening;
  sink_->Open(from_);
}

void Pipeline::TakeOpened() {
  Opened opened = sink_->TakeOpened();
  if (!opened.loss.ok()) {
    ++losses_;
    loss_ = opened.loss;
  }
  if (from_.mark.nothing_stored()) {
    from_.mark = opened.end;
  } else if (opened.is_marked) {
    from_.mark.stream = opened.end.stream;
  } else {
    from_.mark = {opened.end.stream, 0};
    // Messages that were in flight are also stored in the new stream, and acknowledged.
    window_.ForgetPlaces();
  }
  looked_ = true;
  stream_ = opened.end.stream;
  stream_end_ = looked_end_ = opened.end.sequence;
  contents_ = std::move(opened.contents);
  noted_twice_ = false;
  window_.LookedThrough(contents_, looked_end_);
  window_.Rewind();
  state_ = State::kStreaming;
}

void Pipeline::BatchNoted(bool noted) {
  if (noted) from_.batch = sink_->BatchToNote();
  sink_->BatchNoted(noted);
}

StreamMark Pipeline::mark() const {
  // Until the stream is checked and its contents are classified, the earlier mark is the best
  // known.
  if (!looked_ || contents_.holds_any()) return from_.mark;
  const bool before_horizon = window_.settled_lsn() < from_.uncertain_before_lsn;
  // The removed places may be those of messages that are not read yet.
  if (before_horizon && contents_.most_unknown() > 0) return from_.mark;
  return {stream_, window_.StoredBehind(StoredBehind(before_horizon))};
}

void Pipeline::TakeReplies(int64_t now_ms) {
  if (stats_ != nullptr) stats_->BeginTurn();
  Reply reply;
  while (sink_->NextReply(&reply)) {
    if (reply.status.ok()) TakeAck(reply, now_ms);
    if (reply.refused) window_.Refused(reply.sequence);
    if (state_ != State::kStreaming) continue;
    if (reply.needs_resync) {
      Resync(reply.status, now_ms);
    } else if (!reply.status.ok()) {
      (void)Refused(reply.sequence, reply.status, now_ms);
    }
  }
}

uint64_t Pipeline::Ack(const Reply& reply) {
  if (reply.through) return window_.AckThrough(reply.sequence, reply.stream_sequence, stats_);
  return window_.Ack(reply.sequence, reply.stream_sequence, KindOf(reply), stats_) ? 1 : 0;
}

void Pipeline::TakeAck(const Reply& reply, int64_t now_ms) {
  if (!window_.WasSent(reply.sequence)) return;  // a server may send anything
  const uint64_t oldest = window_.first();
  const uint64_t acked = Ack(reply);
  if (acked == 0) return;
  acked_ += acked;
  if (!reply.late) stream_end_ = std::max(stream_end_, reply.stream_sequence);
  // A message tied to its predecessor proves that nothing was stored in between.
  if (reply.adjacent) looked_end_ = std::max(looked_end_, reply.stream_sequence);
  Progress(oldest, now_ms);
}

// `oldest`: window_.first() before the acknowledgement.
void Pipeline::Progress(uint64_t oldest, int64_t now_ms) {
  if (window_.first() != oldest) silent_since_ms_ = now_ms;
  backoff_.Reset();
  probing_ = false;
  if (state_ == State::kStreaming) blocked_ = false;
  in_step_ = true;
}

// The first time this is no failure: another publisher may have written to the stream, or a message
// was refused that had not requested an answer; sent alone, it does.
void Pipeline::Resync(const Status& status, int64_t now_ms) {
  if (in_step_) {
    in_step_ = false;
    probing_ = true;
    Begin();
  } else {
    Fail(status.ok() ? Status::Unavailable("the stream is not as expected") : status, now_ms);
  }
}

// While probing, one message is sent at a time: if it is refused again, no later message is stored
// before it, and the window is not sent in vain.
bool Pipeline::MaySend() const {
  return sink_->CanSend() && !IsNewStream() && !(probing_ && window_.in_flight() > 0);
}

bool Pipeline::HasWork() const {
  switch (sink_->state()) {
    case Sink::State::kClosed:
      return state_ == State::kStreaming || state_ == State::kOpening;
    case Sink::State::kOpening:
      return false;
    case Sink::State::kOpen:
      return state_ == State::kOpening ||
             (state_ == State::kStreaming && window_.has_unsent() && MaySend());
  }
  return false;
}

void Pipeline::SendWhatFits(int64_t now_ms) {
  uint64_t sequence = 0;
  while (MaySend()) {
    const Message* message = window_.NextToSend(&sequence);
    if (message == nullptr) return;
    const StreamContents::Presence presence = Classify(*message, sequence);
    if (presence == StreamContents::Presence::kHeld) {
      Found(sequence, now_ms);
      continue;
    }
    Status status = sink_->Check(*message);
    // A message that can never be stored is not one of those removed: it may not be a dead letter
    // on disk yet.
    if (status.ok() && presence == StreamContents::Presence::kLetGo) {
      Found(sequence, now_ms);
      continue;
    }
    if (status.ok()) {
      MakeDeadLettersBehind(sequence, now_ms);
      if (presence == StreamContents::Presence::kUnknown) NoteTwice(message->position);
      status = Send(*message, sequence, now_ms);
    }
    if (!status.ok()) {
      if (!Refused(sequence, status, now_ms)) return;
      // No later message may be left to request the acknowledgement of those in flight: check the
      // stream.
      if (window_.in_flight() > 0 && !window_.has_unsent()) return Begin();
    }
  }
}

// The stream holds message `sequence`, or has held it.
void Pipeline::Found(uint64_t sequence, int64_t now_ms) {
  const uint64_t oldest = window_.first();
  // What an earlier process has sent, it has counted, unless it ended before the acknowledgement.
  PublishStats* const stats = window_.WasSent(sequence) ? stats_ : nullptr;
  window_.Sent(sequence, from_.mark.sequence);
  window_.Ack(sequence, 0, Window::AckKind::kStored, stats);
  ++acked_;
  ++found_;
  Progress(oldest, now_ms);
}

void Pipeline::NoteTwice(const Position& position) {
  if (noted_twice_) return;
  noted_twice_ = true;
  uint64_t before_lsn = from_.uncertain_before_lsn;
  if (window_.IsInside(highest_sent_)) {
    before_lsn = std::max(before_lsn, window_.at(highest_sent_).position.commit_lsn + 1);
  }
  twice_ = {contents_.most_unknown() + 1, position, before_lsn};
}

// Handles a refusal of message `sequence` (0: of none in particular).  Returns whether the other
// messages may be sent.
bool Pipeline::Refused(uint64_t sequence, const Status& reason, int64_t now_ms) {
  if (reason.code() != StatusCode::kRejected || sequence == 0) {
    Fail(reason, now_ms);
    return false;
  }
  if (!window_.IsOpen(sequence)) return true;  // a late reply to a settled message
  const Status kept = MakeDeadLetter(sequence, reason, now_ms);
  if (kept.ok()) return true;
  Fail(kept, now_ms);
  blocked_ = true;
  return false;
}

// Messages that cannot be sent become dead letters before their turn: the message before them may
// then be the last one that can be sent, and has to request its acknowledgement.
void Pipeline::MakeDeadLettersBehind(uint64_t sequence, int64_t now_ms) {
  while ((sequence = window_.OpenBehind(sequence)) != 0) {
    const Message& message = window_.at(sequence);
    const Status status = sink_->Check(message);
    if (status.code() != StatusCode::kRejected || contents_.HoldsFrom(message.position)) return;
    if (!MakeDeadLetter(sequence, status, now_ms).ok()) return;
  }
}

// Stores message `sequence` as a dead letter.
Status Pipeline::MakeDeadLetter(uint64_t sequence, const Status& reason, int64_t now_ms) {
  Status kept = StoreDeadLetter(window_.at(sequence), reason);
  if (!kept.ok()) return kept;
  const uint64_t oldest = window_.first();
  window_.Ack(sequence);
  if (window_.first() != oldest) silent_since_ms_ = now_ms;
  backoff_.Reset();
  blocked_ = false;
  in_step_ = true;
  return kept;
}

Status Pipeline::StoreDeadLetter(const Message& message, const Status& reason) {
  const bool skips = skip_box_ != nullptr && message.position == skipped_;
  DeadLetterBox* box = skips ? skip_box_ : box_;
  if (box == nullptr) {
    blocked_at_ = message.position;
    return reason;
  }
  Status kept = box->Store(message, reason);
  if (!kept.ok()) return kept;
  ++dead_letters_;
  if (message.counts != nullptr) message.counts->dead_letters.Add(1);
  return kept;
}

Status Pipeline::Send(const Message& message, uint64_t sequence, int64_t now_ms) {
  // No later message exists whose acknowledgement would cover the last one, and a message found in
  // the stream is not sent, so cannot cover those before it.
  const bool alone = probing_ || contents_.holds_any() || window_.IsLast(sequence);
  Status status =
      sink_->Send(message, sequence,
                  {alone ? 0 : window_.end() - 1 - sequence, MayHaveBeenSent(message, sequence)});
  if (!status.ok()) return status;
  if (window_.in_flight() == 0) silent_since_ms_ = now_ms;
  window_.Sent(sequence, StoredBehind(message.position.commit_lsn < from_.uncertain_before_lsn));
  if (contents_.holds_any() || window_.highest_acked() > sequence) window_.Overtaken(sequence);
  ++sent_;
  if (sequence <= highest_sent_) ++resent_;
  highest_sent_ = std::max(highest_sent_, sequence);
  return status;
}

// The contents found are classified once, in the order of the log.
StreamContents::Presence Pipeline::Classify(const Message& message, uint64_t sequence) {
  if (from_.through.commit_lsn > 0 && !(from_.through < message.position)) {
    return StreamContents::Presence::kHeld;
  }
  const StreamContents::Presence presence = contents_.Classify(message.position);
  const bool is_there = presence == StreamContents::Presence::kHeld;
  if (is_there || MayHaveBeenSent(message, sequence)) return presence;
  return StreamContents::Presence::kMissing;
}

// Whether this process, or one that has died, may have sent the message.
bool Pipeline::MayHaveBeenSent(const Message& message, uint64_t sequence) const {
  return message.position.commit_lsn < from_.uncertain_before_lsn ||
         (window_.WasSent(sequence) && !window_.WasRefused(sequence));
}

void Pipeline::Fail(const Status& status, int64_t now_ms) {
  ++failures_;
  trouble_ = status;
  probing_ = true;
  blocked_ = status.code() == StatusCode::kRejected && box_ == nullptr;
  state_ = State::kWaiting;
  next_attempt_ms_ = now_ms + backoff_.Next();
}

}  // namespace fraiseql
