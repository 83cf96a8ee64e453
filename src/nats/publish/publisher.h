// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/sink.h"
#include "nats/base/broker_settings.h"
#include "nats/publish/batches.h"
#include "nats/publish/bucket_purge.h"
#include "nats/publish/chain.h"
#include "nats/connection/connection.h"
#include "nats/connection/connector.h"
#include "nats/jetstream/pub_ack.h"
#include "nats/connection/server_list.h"
#include "nats/publish/message_check.h"
#include "nats/publish/stream_opening.h"

namespace fraiseql::nats {

// The sink that stores messages in a JetStream stream: it publishes over one connection, with a
// reply subject that identifies the message that the stream acknowledges.  Open() connects and then
// runs StreamOpening.
//
// While no other publisher writes to the stream, each message expects the one before it (see
// Chain): the order then survives any failure, and only some messages need an acknowledgement.
// Otherwise each message has its own.  Where the stream allows batches, and the settings want them,
// messages are sent in batches, whoever else writes to it (see Batches).
//
// Main thread only, and nothing blocks.  The owner drives it from any event loop:
//
//   for (;;) {
//     publisher.Tick(now);
//     pipeline.Run(now), and if wants_write(), OnSocket(false, true), while pipeline.HasWork():
//         not every message has an answer that would wake the loop
//     wait until socket() is readable (or writable, if wants_write()) or wake_fd() is readable,
//         at most as long as both WaitMs(now) say;
//     socket ready:     publisher.OnSocket(readable, writable);
//     wake_fd readable: publisher.OnWake();
//     pipeline.Run(now), so that the replies received make room
//   }
class Publisher final : public Sink {
 public:
  Publisher(BrokerSettings broker, StreamSettings stream);

  // Aborts a connection attempt, but waits for its name lookup; a process that cannot wait calls
  // _exit() instead.
  ~Publisher() override;

  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Takes effect with the next Open(), which makes a new connection (and reads the files again).
  void Configure(BrokerSettings broker, StreamSettings stream);

  // Sink
  void Open(const ResumePoint& from) override;
  Opened TakeOpened() override { return opening_.TakeOpened(); }
  State state() const override { return state_; }
  const Status& status() const override { return status_; }
  bool CanSend() const override;
  Status Check(const Message& message) override;
  Status Send(const Message& message, uint64_t sequence, const Around& around) override;
  bool NextReply(Reply* reply) override;
  BatchMark BatchToNote() const override { return batches_.ToNote(); }
  void BatchNoted(bool noted) override { batches_.Noted(noted); }

  // The events to wait for.  The owner has to rebuild a wait set when socket_generation() has
  // changed: there is another socket, or none (-1).  wake_fd() never changes; it is -1 if the
  // system had no file descriptor left (then Open() fails).
  int socket() const { return connection_ ? connection_->socket() : -1; }
  uint64_t socket_generation() const { return socket_generation_; }
  bool wants_write() const { return connection_ && connection_->wants_write(); }
  int wake_fd() const { return connector_.wake_fd(); }
  // The time until Tick() is due, in milliseconds of the clock of Tick(); -1: no limit.
  int64_t WaitMs(int64_t now_ms) const;

  // The events that have occurred.  An error or hang-up of the socket counts as readable;
  // `writable` may be true without a wait for it, which usually saves that wait.
  void OnSocket(bool readable, bool writable);
  void OnWake();
  void Tick(int64_t now_ms);

  // For monitoring.
  std::string connected_url() const { return socket() >= 0 ? connection_->url() : ""; }
  const std::string& stream_name() const { return stream_.name; }
  // The subjects that the stream takes, as last seen; empty: not known.
  const std::vector<std::string>& stream_subjects() const { return check_.subjects(); }
  uint64_t openings() const { return openings_; }                    // that succeeded
  uint64_t connects() const { return connects_; }                    // that succeeded
  bool keeps_consumed() const { return opening_.keeps_consumed(); }  // of the stream, as last seen
  // Batches are wanted, but the stream, as last seen, does not allow them.
  bool lacks_batches() const {
    return state_ == State::kOpen && stream_.allows_batches && !opening_.allows_batches();
  }
  bool chained() const { return chain_.kind() != Chain::Kind::kNone; }

 private:
  void Connect();
  int64_t ConnectLimitMs() const;
  // Messages are not acknowledged, or need none as a later one is to cover them.
  bool in_flight() const { return outstanding_ > 0 || !last_asked_; }
  void AskStream();
  void TakeOpening();
  void BecomeOpen();
  void Close(Status status);
  void CloseUnfit(const Status& status);
  // From here on it is checked whether others write to the stream.
  void NoteEnd() {
    checked_end_ = stream_end_;
    stored_since_ = 0;
  }
  void TieToLast();
  bool Understand(const Connection::Delivery& delivery, Reply* reply);
  bool IsAbsurd(const PubAck& ack) const;
  void MakeMoreHeaders(const Message& message, bool in_batch, bool sent_before);
  bool OnBatchAnswer(const PubAck& ack, Reply* reply);
  void OnCommitted(const PubAck& ack, Reply* reply);
  bool OnNoAnswerer(Reply* reply);
  bool OnRefusal(const JetStreamError& error, Reply* reply);
  void OnStored(const PubAck& ack, uint64_t generation, Reply* reply);
  void TakeOtherAnswers();

  BrokerSettings broker_;
  ServerList servers_;  // the servers of broker_
  StreamSettings stream_;
  Connector connector_;
  std::unique_ptr<Connection> connection_;
  uint64_t socket_generation_ = 0;
  uint64_t connects_ = 0;
  MessageCheck check_;
  uint64_t openings_ = 0;
  std::string created_;              // creation time of the stream, as last seen
  uint64_t created_generation_ = 0;  // the generation in which it was first seen

  State state_ = State::kClosed;
  Status status_;
  ResumePoint from_;
  StreamOpening opening_;
  bool connecting_ = false;          // the first step of opening
  bool renew_connection_ = false;    // the next Open() must not use the present one
  int64_t connect_deadline_ms_ = 0;  // 0: to be set by the next Tick()
  int64_t now_ms_ = 0;               // as of the last Tick()

  uint64_t generation_ = 0;   // counts Open(); part of the address of each acknowledgement
  std::string reply_;         // "<inbox>.<generation>." and, while sending, the sequence number
  size_t reply_prefix_ = 0;   // the length without the sequence number
  bool last_asked_ = true;    // the message sent last needs an acknowledgement
  uint64_t outstanding_ = 0;  // acknowledgements awaited in this generation

  BucketPurge purge_;
  Batches batches_;
  bool reopens_ = false;  // the next reply is that the stream has to be opened again
  Chain chain_;
  Exclusivity exclusivity_;
  std::string more_headers_;   // lines
  uint64_t stream_end_ = 0;    // as far as is known
  uint64_t checked_end_ = 0;   // the stream's end at the last check for other publishers
  uint64_t stored_since_ = 0;  // our messages stored since then
};

}  // namespace fraiseql::nats
