// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/sink.h"
#include "nats/base/broker_settings.h"
#include "nats/publish/chain.h"
#include "nats/connection/connection.h"
#include "nats/connection/connector.h"
#include "nats/jetstream/pub_ack.h"
#include "nats/connection/refused_subjects.h"
#include "nats/connection/server_list.h"
#include "nats/publish/stream_opening.h"
#include "core/route/subject_set.h"

namespace fraiseql::nats {

// The sink that stores messages in a JetStream stream: core publishes over one connection, with a
// reply subject of ours that says which message the stream's acknowledgement is for.  Opening
// means: a connection, then StreamOpening.
//
// While nobody else writes to the stream, each message is tied to the one before (see Chain): order
// then holds whatever fails, and only some messages need an acknowledgement.  Else each has its
// own.
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
//     pipeline.Run(now), so that what has come makes room
//   }
class Publisher final : public Sink {
 public:
  Publisher(BrokerSettings broker, StreamSettings stream);

  // Cuts a connect short that is under way, but waits for a name lookup; a process in a hurry
  // leaves by _exit() instead.
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
  Status Send(const Message& message, uint64_t sequence, bool want_ack) override;
  bool NextReply(Reply* reply) override;

  // What to wait for.  A wait set has to be built anew when socket_generation() has changed: there
  // is another socket, or none (-1).  wake_fd() stays the same; it is -1 if the system had no file
  // descriptor left (then Open() fails and says so).
  int socket() const { return connection_ ? connection_->socket() : -1; }
  uint64_t socket_generation() const { return socket_generation_; }
  bool wants_write() const { return connection_ && connection_->wants_write(); }
  int wake_fd() const { return connector_.wake_fd(); }
  // -1: for as long as nothing happens.  Milliseconds, of the clock that Tick() is given.
  int64_t WaitMs(int64_t now_ms) const;

  // What has happened.  An error or hang-up of the socket counts as readable; `writable` may also
  // be tried without having waited for it, which most often saves the waiting.
  void OnSocket(bool readable, bool writable);
  void OnWake();
  void Tick(int64_t now_ms);

  // For people.
  std::string connected_url() const { return socket() >= 0 ? connection_->url() : ""; }
  const std::string& stream_name() const { return stream_.name; }
  // That the stream takes, as last seen; empty: not known.
  const std::vector<std::string>& stream_subjects() const { return stream_subjects_; }
  uint64_t openings() const { return openings_; }                    // that succeeded
  uint64_t connects() const { return connects_; }                    // that succeeded
  bool keeps_consumed() const { return opening_.keeps_consumed(); }  // the stream, as last seen
  bool chained() const { return chain_.kind() != Chain::Kind::kNone; }

 private:
  void Connect();
  int64_t ConnectLimitMs() const;
  void AskStream();
  void TakeOpening();
  void BecomeOpen();
  void Close(Status status);
  void CloseUnfit(const Status& status);
  void TieToLast();
  bool Understand(const Connection::Delivery& delivery, Reply* reply);
  bool IsAbsurd(const PubAck& ack) const;
  Status RefuseSubject(const Message& message);
  bool OnNoAnswerer(Reply* reply);
  bool OnRefusal(const JetStreamError& error, Reply* reply);
  void OnStored(const PubAck& ack, uint64_t generation, Reply* reply);

  BrokerSettings broker_;
  ServerList servers_;  // of it
  StreamSettings stream_;
  Connector connector_;
  std::unique_ptr<Connection> connection_;
  uint64_t socket_generation_ = 0;
  uint64_t connects_ = 0;
  int64_t connected_us_ = 0;  // when the present connection was made, and its limits were told
  RefusedSubjects refused_;
  std::vector<std::string> stream_subjects_;
  SubjectSet subjects_;    // the same
  int64_t looked_us_ = 0;  // when the stream was looked at
  uint64_t openings_ = 0;
  std::string created_;              // when, the stream that was last seen
  uint64_t created_generation_ = 0;  // in which it was seen first

  State state_ = State::kClosed;
  Status status_;
  ResumePoint from_;
  StreamOpening opening_;
  bool connecting_ = false;          // the first step of opening
  bool renew_connection_ = false;    // the present one is not to be used by another Open()
  int64_t connect_deadline_ms_ = 0;  // 0: to be set by the next Tick()
  int64_t now_ms_ = 0;               // as of the last Tick()

  uint64_t generation_ = 0;   // counts Open(); part of the address of every acknowledgement
  std::string reply_;         // "<inbox>.<generation>." and, while sending, the sequence number
  size_t reply_prefix_ = 0;   // the length of the former
  uint64_t outstanding_ = 0;  // to be answered in this generation

  Chain chain_;
  Exclusivity exclusivity_;
  std::string expectation_;    // header lines
  uint64_t stream_end_ = 0;    // as far as we know
  uint64_t checked_end_ = 0;   // the stream's end when it was last known who had written
  uint64_t stored_since_ = 0;  // our messages stored since then
};

}  // namespace fraiseql::nats
