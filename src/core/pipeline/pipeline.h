// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/backoff.h"
#include "core/deadletter/dead_letter_box.h"
#include "core/pipeline/publish_stats.h"
#include "core/pipeline/sink.h"
#include "core/base/status.h"
#include "core/pipeline/window.h"

namespace fraiseql {

struct PipelineOptions {
  size_t window_messages = 4096;
  size_t window_bytes = 16 << 20;
  int64_t ack_timeout_ms = 5000;
  int64_t min_delay_ms = 10;    // before the first new attempt after a failure
  int64_t max_delay_ms = 5000;  // between attempts, at most
  bool notes_streams = false;   // sends nothing to a stream before NoteStream() is called
};

// Sends the messages of the window in order, and learns which are stored.  There is one recovery
// for all failures: anything but the expected acknowledgement (a refusal, silence, a closed
// connection) stops the sending and leads through the same steps: wait, call Sink::Open(), which
// checks what the stream already holds, rewind, send the rest.  The start takes the same steps.
// The exception is a message that can never be stored: it becomes a dead letter, and the others
// continue without it; without a box for dead letters it blocks them.
//
// The time is a parameter and the broker is behind Sink: no I/O of its own.  Worker's main thread
// only.
class Pipeline {
 public:
  enum class State : uint8_t {
    kWaiting,    // for the next attempt, until its delay is over
    kOpening,    // the sink is connecting or checking the stream
    kStreaming,  // messages are sent as they are added
  };

  // `sink` is not owned and must outlive the pipeline.  `start`: where an earlier pipeline ended.
  Pipeline(Sink* sink, const PipelineOptions& options, ResumePoint start = {});

  // Filled from the log.  See Window.
  bool HasRoom() const { return window_.HasRoom(); }
  Message* Add() { return window_.Add(); }
  void Seal() { window_.Seal(); }
  void EndTransaction(uint64_t end_lsn) { window_.EndTransaction(end_lsn); }

  // Instead of Seal(): the message that Add() returned can never be published, for this reason.
  // Not ok: it could not be stored as a dead letter, for the reason returned, and the caller may
  // try again.
  Status Reject(const Status& reason) { return StoreDeadLetter(window_.unsealed(), reason); }

  // Where to store dead letters from now on; null: such messages block.  Not owned.
  void SetDeadLetterBox(DeadLetterBox* box) { box_ = box; }

  // Count what is stored in the stream from now on; null: nothing is counted.  Not owned.
  void SetStats(PublishStats* stats) { stats_ = stats; }

  // Stores the message at this position as a dead letter, in this box, if it blocks.  Not owned.
  void Skip(const Position& position, DeadLetterBox* box) {
    skipped_ = position;
    skip_box_ = box;
  }
  // The message that has blocked last.
  const Position& blocked_at() const { return blocked_at_; }

  // Does all that is possible without waiting: takes replies, sends, detects failures, starts the
  // next attempt.  `now_ms` is any monotonic clock.
  void Run(int64_t now_ms);

  // The sink was full when Run() stopped, and is not any more: call Run() again before waiting.
  bool HasWork() const;

  // The time until Run() has to be called even if no event arrives; -1: no limit.
  int64_t WaitMs(int64_t now_ms) const;

  // Ends the current attempt and starts a new one at once, for example with changed settings.
  void Restart();

  // The mark for a pipeline that resumes at settled_lsn(); see StreamMark.
  StreamMark mark() const;

  // The known length of the stream of the mark.
  uint64_t stream_end() const { return stream_end_; }

  // With notes_streams: the stream is not the one of the noted mark.  Nothing is sent before the
  // caller has stored mark() and settled_lsn(): a process that resumed from those of the earlier
  // stream would send old messages again, after newer ones.
  bool has_new_stream() const { return state_ == State::kStreaming && IsNewStream(); }
  // The caller has stored mark() and settled_lsn().
  void NoteStream() { noted_stream_ = stream_; }

  // The sink is about to use a batch, and sends nothing before the caller has stored it.
  bool has_new_batch() const { return state_ == State::kStreaming && sink_->BatchToNote().id != 0; }
  BatchMark BatchToNote() const { return sink_->BatchToNote(); }
  // `noted`: the caller has stored it.
  void BatchNoted(bool noted);

  State state() const { return state_; }
  // Streaming again after a failure, but no message has been stored since: it may fail again.
  bool probing() const { return probing_ && !window_.empty(); }
  // The last failure was that of one message that the broker refuses for good and that cannot, or
  // must not, become a dead letter.  It is sent again from time to time, and stays blocked
  // meanwhile.
  bool blocked() const { return blocked_; }
  // The present or last failure; failures() tells whether it is new.
  const Status& trouble() const { return trouble_; }
  const Window& window() const { return window_; }
  // Messages that are about to be sent though the stream may hold them already.  They are reported
  // before the sink writes, because the process may be killed.  Set once for each check of the
  // stream.
  struct Twice {
    uint64_t most = 0;  // upper bound of the number of messages
    Position first;
    uint64_t before_lsn = 0;  // their transactions committed before it
  };
  const Twice& twice() const { return twice_; }
  void ForgetTwice() { twice_ = {}; }
  uint64_t sent() const { return sent_; }
  uint64_t resent() const { return resent_; }
  uint64_t acked() const { return acked_; }
  uint64_t dead_letters() const { return dead_letters_; }
  // Messages that the stream holds, or has held and removed, and which were therefore not sent
  // (again); also counted in acked().
  uint64_t found() const { return found_; }
  uint64_t failures() const { return failures_; }
  // How often the stream had lost acknowledged messages, and the last such loss.
  uint64_t losses() const { return losses_; }
  const Status& loss() const { return loss_; }
  uint64_t order_breaks() const { return window_.order_breaks(); }

 private:
  void Begin();
  void TakeOpened();
  void TakeReplies(int64_t now_ms);
  uint64_t Ack(const Reply& reply);
  void TakeAck(const Reply& reply, int64_t now_ms);
  void Resync(const Status& status, int64_t now_ms);
  bool IsNewStream() const { return options_.notes_streams && noted_stream_ != stream_; }
  bool MaySend() const;
  void SendWhatFits(int64_t now_ms);
  bool Refused(uint64_t sequence, const Status& reason, int64_t now_ms);
  void MakeDeadLettersBehind(uint64_t sequence, int64_t now_ms);
  Status MakeDeadLetter(uint64_t sequence, const Status& reason, int64_t now_ms);
  Status StoreDeadLetter(const Message& message, const Status& reason);
  Status Send(const Message& message, uint64_t sequence, int64_t now_ms);
  StreamContents::Presence Classify(const Message& message, uint64_t sequence);
  void Found(uint64_t sequence, int64_t now_ms);
  void NoteTwice(const Position& position);
  bool MayHaveBeenSent(const Message& message, uint64_t sequence) const;
  uint64_t StoredBehind(bool before_horizon) const {
    return before_horizon ? looked_end_ : stream_end_;
  }
  void Progress(uint64_t oldest, int64_t now_ms);
  void Fail(const Status& status, int64_t now_ms);

  Sink* const sink_;
  DeadLetterBox* box_ = nullptr;
  DeadLetterBox* skip_box_ = nullptr;
  PublishStats* stats_ = nullptr;
  Position skipped_;
  Position blocked_at_;
  const PipelineOptions options_;
  Window window_;
  Backoff backoff_;
  State state_ = State::kWaiting;
  Status trouble_;
  bool probing_ = false;  // no message stored since a failure: send one at a time
  bool blocked_ = false;
  bool in_step_ = true;  // resynchronized once since the last progress

  ResumePoint from_;     // of the last Open(); at first of the constructor
  bool looked_ = false;  // the sink has been open at least once
  std::string stream_;   // which stream it was then
  std::string noted_stream_;
  uint64_t stream_end_ = 0;  // its known length
  uint64_t looked_end_ = 0;  // up to here it is known which messages the stream holds
  Twice twice_;
  bool noted_twice_ = false;  // since the last check of the stream
  StreamContents contents_;   // of the stream then; covers messages not yet classified
  uint64_t losses_ = 0;
  Status loss_;
  int64_t next_attempt_ms_ = 0;
  int64_t silent_since_ms_ = 0;  // since then the oldest in flight has not been acknowledged
  uint64_t highest_sent_ = 0;
  uint64_t sent_ = 0;
  uint64_t resent_ = 0;
  uint64_t acked_ = 0;
  uint64_t dead_letters_ = 0;
  uint64_t found_ = 0;
  uint64_t failures_ = 0;
};

}  // namespace fraiseql
