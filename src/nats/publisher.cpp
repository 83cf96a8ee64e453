// SPDX-License-Identifier: PostgreSQL
#include "nats/publisher.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "core/number.h"
#include "nats/blocked_signals.h"
#include "nats/pub_ack.h"
#include "nats/server_url.h"
#include "nats/stream_api.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kRequestTimeoutMs = 2000;
constexpr int64_t kConnectGraceMs = 1000;  // on top of what the library is told
constexpr int64_t kInterruptAgainMs = 20;

// Large enough for long writes, small enough that what a partial write leaves is moved cheaply.
constexpr size_t kMaxUnsentBytes = 128 * 1024;

// The server's default for the line "HPUB subject reply header-size total-size"; it closes the
// connection on a longer one.
constexpr size_t kMaxControlLine = 4096;
constexpr size_t kControlLineRest = 32;  // all but the two subjects

constexpr size_t kHeaderFrame = 12;  // "NATS/1.0\r\n" before and "\r\n" behind the header lines

std::string Named(const StreamSettings& stream) { return "stream \"" + stream.name + "\""; }

bool ReadNumber(std::string_view text, uint64_t* number) {
  return std::from_chars(text.data(), text.data() + text.size(), *number).ec == std::errc();
}

// Reads "<generation>.<sequence>".
bool ReadAddress(std::string_view address, uint64_t* generation, uint64_t* sequence) {
  const size_t dot = address.find('.');
  return dot != std::string_view::npos && ReadNumber(address.substr(0, dot), generation) &&
         ReadNumber(address.substr(dot + 1), sequence);
}

}  // namespace

Publisher::Publisher(BrokerSettings broker, StreamSettings stream)
    : broker_(std::move(broker)), stream_(std::move(stream)) {}

Publisher::~Publisher() {
  const BlockedSignals blocked;
  connection_.reset();
}

void Publisher::Configure(BrokerSettings broker, StreamSettings stream) {
  broker_ = std::move(broker);
  stream_ = std::move(stream);
  renew_connection_ = true;
}

void Publisher::Open() {
  ++generation_;
  outstanding_ = 0;
  state_ = State::kOpening;
  status_ = Status::Ok();
  if (connector_.busy()) {
    step_ = Step::kConnect;
  } else if (renew_connection_ || socket() < 0) {
    Connect();
  } else {
    Request(Step::kStreamInfo, StreamInfoSubject(stream_.name), "");
  }
}

void Publisher::Connect() {
  step_ = Step::kConnect;
  deadline_ms_ = 0;
  renew_connection_ = false;
  ++socket_generation_;
  Status status = connector_.Start(broker_, std::move(connection_));
  if (!status.ok()) Close(std::move(status));
}

void Publisher::OnWake() {
  Status status;
  std::unique_ptr<Connection> made;
  if (!connector_.Finish(&status, &made)) return;
  connection_ = std::move(made);
  if (renew_connection_) {  // the settings have changed in the meantime
    Connect();
  } else if (status.ok()) {
    ++socket_generation_;
    ++connects_;
    connected_us_ = WallClockUs();
    Request(Step::kStreamInfo, StreamInfoSubject(stream_.name), "");
  } else {
    Close(std::move(status));
  }
}

void Publisher::Request(Step step, const std::string& subject, const std::string& body) {
  step_ = step;
  deadline_ms_ = 0;
  std::string reply = connection_->inbox() + ".";
  AppendDecimal(++requests_, &reply);
  Status status = connection_->Request(subject, body, reply);
  if (!status.ok()) Close(std::move(status));
}

void Publisher::OnSocket(bool readable, bool writable) {
  if (socket() < 0) return;
  connection_->Process(readable, writable);
  if (socket() < 0) ++socket_generation_;
  if (step_ != Step::kNone) TakeAnswers();
  Status status = connection_->Check();
  if (status.ok()) return;
  renew_connection_ = true;
  if (state_ == State::kClosed) return;
  Status refused = refused_.Learn(status.message(), WallClockUs());
  Close(refused.ok() ? std::move(status) : std::move(refused));
}

void Publisher::TakeAnswers() {
  Connection::Delivery delivery;
  while (connection_->NextAnswer(&delivery)) {
    uint64_t request = 0;
    if (delivery.no_responders) {
      OnNoAnswerer();
    } else if (ReadNumber(delivery.address, &request) && request == requests_) {
      OnAnswer(delivery.data);
    }
  }
}

void Publisher::OnNoAnswerer() {
  if (step_ == Step::kNone) return;
  Close(Status::Unavailable("JetStream is not enabled in the NATS server, or has no leader",
                            "Start nats-server with -js or a section jetstream {}."));
}

void Publisher::OnAnswer(std::string_view data) {
  const Step step = std::exchange(step_, Step::kNone);
  if (step == Step::kNone) return;
  ApiReply answer = ParseApiReply(data, Named(stream_));
  if (answer.status.ok()) {
    BecomeOpen();
  } else if (step == Step::kStreamInfo && answer.not_found && stream_.create) {
    Request(Step::kStreamCreate, StreamCreateSubject(stream_.name), StreamConfig(stream_));
  } else {
    Close(std::move(answer.status));
  }
}

// The connection and the stream are there.  Reading back from the stream what it holds behind a
// position, and the sequence number to chain the next message to, are further steps before this.
void Publisher::BecomeOpen() {
  reply_ = connection_->inbox() + ".";
  AppendDecimal(generation_, &reply_);
  reply_.push_back('.');
  reply_prefix_ = reply_.size();
  step_ = Step::kNone;
  state_ = State::kOpen;
}

void Publisher::Close(Status status) {
  step_ = Step::kNone;
  state_ = State::kClosed;
  status_ = std::move(status);
}

int64_t Publisher::StepLimitMs() const {
  if (step_ != Step::kConnect) return kRequestTimeoutMs;
  const auto servers = static_cast<int64_t>(SplitServers(broker_.url).size());
  return servers * broker_.connect_timeout_ms + kConnectGraceMs;
}

void Publisher::Tick(int64_t now_ms) {
  if (step_ == Step::kNone) return;
  if (deadline_ms_ == 0) deadline_ms_ = now_ms + StepLimitMs();
  if (now_ms < deadline_ms_) return;
  if (step_ == Step::kConnect) {  // the library's own limit has not worked
    connector_.Interrupt();
    deadline_ms_ = now_ms + kInterruptAgainMs;
    return;
  }
  renew_connection_ = true;  // the present one may well be dead
  Close(Status::Unavailable(
      "JetStream does not answer: " + Named(stream_),
      "The server may be stopped or overloaded, or the NATS cluster have no leader."));
}

int64_t Publisher::WaitMs(int64_t now_ms) const {
  if (step_ == Step::kNone) return -1;
  return deadline_ms_ == 0 ? 0 : std::max<int64_t>(0, deadline_ms_ - now_ms);
}

bool Publisher::CanSend() const {
  return state_ == State::kOpen && connection_->unsent_bytes() < kMaxUnsentBytes;
}

Status Publisher::Send(const Message& message, uint64_t sequence) {
  reply_.resize(reply_prefix_);
  AppendDecimal(sequence, &reply_);
  Status status = CheckLimits(message);
  if (status.ok()) status = connection_->Publish(message, reply_);
  if (status.ok()) ++outstanding_;
  return status;
}

Status Publisher::CheckLimits(const Message& message) {
  const size_t headers = message.headers.empty() ? 0 : message.headers.size() + kHeaderFrame;
  const size_t size = headers + message.payload.size();
  const auto limit = static_cast<size_t>(connection_->max_payload());
  if (size > limit) {
    renew_connection_ = true;  // a server whose limit is raised tells new connections only
    if (!IsStillBelieved(message, connected_us_, WallClockUs())) {
      return Status::Unavailable("message of " + std::to_string(size) +
                                 " bytes is over a limit that may have been raised: asking again");
    }
    return Status::Rejected("message of " + std::to_string(size) +
                                " bytes, headers included, is over the NATS server's limit of " +
                                std::to_string(limit),
                            "Raise max_payload in the server's configuration.");
  }
  if (message.subject.size() + reply_.size() + kControlLineRest > kMaxControlLine) {
    return Status::Rejected("subject of " + std::to_string(message.subject.size()) +
                            " bytes is too long for NATS");
  }
  // Whoever built the subject has checked it; but this would break the protocol, again and again.
  if (std::any_of(message.subject.begin(), message.subject.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' '; })) {
    return Status::Rejected("subject has a blank or control character");
  }
  return refused_.empty() ? Status::Ok() : refused_.Check(message, WallClockUs());
}

bool Publisher::NextReply(Reply* reply) {
  Connection::Delivery delivery;
  while (connection_ && connection_->NextAck(&delivery)) {
    if (Understand(delivery, reply)) return true;
  }
  return false;
}

// False: not of interest to the pipeline.
bool Publisher::Understand(const Connection::Delivery& delivery, Reply* reply) {
  *reply = {};
  if (delivery.no_responders) {
    // It cannot be told which message this is about.  Those of former generations come before the
    // answers of this one's Open(), for a server handles a connection's messages in turn.
    if (outstanding_ == 0) return false;
    --outstanding_;
    reply->status = Status::Unavailable(
        "no stream takes the messages' subjects, or it has no leader at present",
        "Compare the subjects of " + Named(stream_) + " with those of the observers.");
    return true;
  }
  uint64_t generation = 0;
  if (!ReadAddress(delivery.address, &generation, &reply->sequence)) return false;
  const bool current = generation == generation_;
  const PubAck ack = ParsePubAck(delivery.data);
  if (ack.kind == PubAck::Kind::kForeign) return false;
  if (current && outstanding_ > 0) --outstanding_;
  if (ack.kind == PubAck::Kind::kRefused) {
    reply->status = ToStatus(ack.error, Named(stream_));
    return current;
  }
  if (ack.stream != stream_.name) {
    reply->status = Status::Invalid("subjects meant for " + Named(stream_) +
                                        " are taken by stream \"" + std::string(ack.stream) + "\"",
                                    "Check stream_name and the subjects of both streams.");
    return current;
  }
  reply->duplicate = ack.duplicate;
  reply->stream_sequence = ack.stream_sequence;
  last_stream_sequence_ = std::max(last_stream_sequence_, ack.stream_sequence);
  return true;
}

}  // namespace fraiseql::nats
