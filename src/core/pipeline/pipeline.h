// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/backoff.h"
#include "core/deadletter/dead_letter_box.h"
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

// Sends what is in the window, in order, and learns what is stored.  One way out of every trouble:
// whatever is not the expected acknowledgement (a refusal, silence, a closed connection) stops the
// sending and leads through the same steps: wait a little, Sink::Open(), which looks into the
// stream for what is stored already, rewind, send the rest.  Beginning is the same.  But a message
// that can never be stored is a dead letter, and the others go on as if it were not there; without
// a box for dead letters it blocks them.
//
// Pure: the time is passed in, the broker is behind Sink.  Worker's main thread only.
class Pipeline {
 public:
  enum class State : uint8_t {
    kWaiting,    // for the next attempt, until its delay is over
    kOpening,    // the sink is connecting or looking at the stream
    kStreaming,  // messages go out as they come
    kBlocked,    // as kWaiting, but for one message that the broker will not take as it is, and
                 // that is to be published or cannot be kept as a dead letter
  };

  // `sink` is not owned and must outlive the pipeline.  `start`: where an earlier one has left off.
  Pipeline(Sink* sink, const PipelineOptions& options, ResumePoint start = {});

  // Filling, from the log.  See Window.
  bool HasRoom() const { return window_.HasRoom(); }
  Message* Add() { return window_.Add(); }
  void Seal() { window_.Seal(); }
  void EndTransaction(uint64_t end_lsn) { window_.EndTransaction(end_lsn); }

  // Instead of Seal(): the message that Add() gave out can never be published, for this reason.
  // Not ok if it is no dead letter, for that reason: then one may try again.
  Status Reject(const Status& reason) { return StoreDeadLetter(window_.unsealed(), reason); }

  // Where to keep messages that can never be stored, from now on; null: they block.  Not owned.
  void SetDeadLetterBox(DeadLetterBox* box) { box_ = box; }

  // Does all that can be done now without waiting: takes replies, sends, notices failures, starts
  // the next attempt.  `now_ms` is any clock that never goes backwards.
  void Run(int64_t now_ms);

  // Run() has stopped sending because the sink was full, and now it is not: run again before
  // waiting.
  bool HasWork() const;

  // How long one may wait before Run() has something to do by the clock alone; -1: for ever.
  int64_t WaitMs(int64_t now_ms) const;

  // Gives up the present attempt and begins a new one at once, with changed settings, say.
  void Restart();

  // Where a pipeline that goes on from settled_lsn() would have to look; see StreamMark.
  StreamMark mark() const;

  // The stream of the mark is known to have been that long.
  uint64_t stream_end() const { return stream_end_; }

  // With notes_streams: this is another stream than the one that was left off with.  Nothing is
  // sent before mark() and settled_lsn() are kept, for whoever goes on from those of the stream
  // before would send behind the newest what went with it.
  bool has_new_stream() const { return state_ == State::kStreaming && IsNewStream(); }
  // They are kept.
  void NoteStream() { noted_stream_ = stream_; }

  State state() const { return state_; }
  // Streaming again after a failure, but nothing has been stored yet: it may well fail again.
  bool probing() const { return probing_ && !window_.empty(); }
  // What stands in the way, or last did; see failures() for whether it is new.
  const Status& trouble() const { return trouble_; }
  const Window& window() const { return window_; }
  // What is about to be sent though it may be stored already: to be told of before the sink writes,
  // for the process may be killed.  Once for each look at the stream.
  struct Twice {
    uint64_t most = 0;  // so many messages at most
    Position first;
    uint64_t before_lsn = 0;  // they committed before it
  };
  const Twice& twice() const { return twice_; }
  void ForgetTwice() { twice_ = {}; }
  uint64_t sent() const { return sent_; }
  uint64_t resent() const { return resent_; }
  uint64_t acked() const { return acked_; }
  uint64_t dead_letters() const { return dead_letters_; }
  // Messages that were found in the stream, or that it has had and let go of, and so not sent
  // (again); counted in acked(), too.
  uint64_t found() const { return found_; }
  uint64_t failures() const { return failures_; }
  // How often the stream was found to have lost what it had acknowledged, and the last time.
  uint64_t losses() const { return losses_; }
  const Status& loss() const { return loss_; }
  uint64_t order_breaks() const { return window_.order_breaks(); }

 private:
  void Begin();
  void TakeOpened();
  void TakeReplies(int64_t now_ms);
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
  const PipelineOptions options_;
  Window window_;
  Backoff backoff_;
  State state_ = State::kWaiting;
  Status trouble_;
  bool probing_ = false;  // since a failure nothing was stored: one message at a time
  bool in_step_ = true;   // false: out of step since the last progress, and opened again for it

  ResumePoint from_;     // of the last Open(), or to begin with
  bool looked_ = false;  // the sink has been open
  std::string stream_;   // then: which one it was
  std::string noted_stream_;
  uint64_t stream_end_ = 0;  // its length, as far as we know
  uint64_t looked_end_ = 0;  // up to where it is known what it holds of ours
  Twice twice_;
  bool noted_twice_ = false;  // since the last look
  StreamContents contents_;   // then: of messages that are yet to come, or to be looked at
  uint64_t losses_ = 0;
  Status loss_;
  int64_t next_attempt_ms_ = 0;
  int64_t silent_since_ms_ = 0;  // since when the oldest in flight is not acknowledged
  uint64_t highest_sent_ = 0;
  uint64_t sent_ = 0;
  uint64_t resent_ = 0;
  uint64_t acked_ = 0;
  uint64_t dead_letters_ = 0;
  uint64_t found_ = 0;
  uint64_t failures_ = 0;
};

}  // namespace fraiseql
