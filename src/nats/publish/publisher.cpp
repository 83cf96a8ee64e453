// SPDX-License-Identifier: PostgreSQL
#include "nats/publish/publisher.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/foreign_text.h"
#include "core/base/number.h"
#include "nats/base/blocked_signals.h"
#include "nats/base/clock.h"
#include "nats/base/names.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kConnectGraceMs = 1000;  // in addition to the library's timeout
constexpr int64_t kInterruptAgainMs = 20;

// Large enough for long writes, small enough that what a partial write leaves is moved cheaply.
constexpr size_t kMaxUnsentBytes = 128 * 1024;

// The server's default for the line "HPUB subject reply header-size total-size"; it closes the
// connection on a longer one.
constexpr size_t kMaxControlLine = 4096;
constexpr size_t kMaxDigits = 20;        // of a sequence number
constexpr size_t kControlLineRest = 32;  // all but the two subjects

constexpr size_t kHeaderFrame = 12;  // "NATS/1.0\r\n" before and "\r\n" after the header lines

// A stream does not grow by this much between two acknowledgements.
constexpr uint64_t kMaxGrowth = uint64_t{1} << 48;

// Reads "<generation>.<sequence>".
bool ReadAddress(std::string_view address, uint64_t* generation, uint64_t* sequence) {
  const size_t dot = address.find('.');
  return dot != std::string_view::npos && ReadDecimal(address.substr(0, dot), generation) &&
         ReadDecimal(address.substr(dot + 1), sequence);
}

// The size of headers and payload, as the server counts them.
size_t WireSize(const Message& message) {
  const size_t headers = message.headers.empty() ? 0 : message.headers.size() + kHeaderFrame;
  return headers + message.payload.size();
}

}  // namespace

Publisher::Publisher(BrokerSettings broker, StreamSettings stream)
    : broker_(std::move(broker)), servers_(broker_), stream_(std::move(stream)) {
  exclusivity_.Configure(stream_.exclusive);
}

Publisher::~Publisher() {
  const BlockedSignals blocked;
  connection_.reset();
}

void Publisher::Configure(BrokerSettings broker, StreamSettings stream) {
  broker_ = std::move(broker);
  servers_ = ServerList(broker_);
  stream_ = std::move(stream);
  exclusivity_.Configure(stream_.exclusive);
  renew_connection_ = true;
}

void Publisher::Open(const ResumePoint& from) {
  ++generation_;
  from_ = from;
  outstanding_ = 0;
  chain_.End();
  opening_.Abandon();
  state_ = State::kOpening;
  status_ = Status::Ok();
  if (connector_.busy()) {
    connecting_ = true;
  } else if (renew_connection_ || socket() < 0) {
    Connect();
  } else {
    AskStream();
  }
}

void Publisher::Connect() {
  connecting_ = true;
  connect_deadline_ms_ = 0;
  renew_connection_ = false;
  ++socket_generation_;
  Status status = connector_.Start(servers_.Next(), std::move(connection_));
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
    AskStream();
  } else {
    servers_.Failed(std::move(status));
    if (!servers_.round_over()) return Connect();
    Close(servers_.Trouble());
  }
}

void Publisher::AskStream() {
  connecting_ = false;
  opening_.Begin(connection_.get(), stream_, from_);
  TakeOpening();
}

void Publisher::OnSocket(bool readable, bool writable) {
  if (socket() < 0) return;
  connection_->Process(readable, writable);
  if (socket() < 0) ++socket_generation_;
  opening_.TakeAnswers();
  if (opening_.state() != StreamOpening::State::kBusy) TakeOtherAnswers();
  TakeOpening();
  Status status = connection_->Check();
  if (status.ok()) return;
  renew_connection_ = true;
  if (state_ == State::kClosed) return;
  Status refused = refused_.Learn(connection_->refusal(), WallClockUs());
  if (!refused.ok()) return Close(std::move(refused));
  if (state_ == State::kOpening && status.code() == StatusCode::kInvalid) {
    return CloseUnfit(status);
  }
  Close(std::move(status));
}

// Discards the answers to an abandoned opening, and unrequested ones.
void Publisher::TakeOtherAnswers() {
  Connection::Delivery answer;
  while (connection_->NextAnswer(&answer)) {
    if (answer.address != BucketPurge::kAddress || state_ != State::kOpen) continue;
    Status purged = purge_.OnAnswer(answer.data);
    if (!purged.ok()) Close(std::move(purged));
  }
}

void Publisher::TakeOpening() {
  if (state_ != State::kOpening || connecting_) return;
  if (opening_.state() == StreamOpening::State::kDone) {
    BecomeOpen();
  } else if (opening_.state() == StreamOpening::State::kFailed) {
    renew_connection_ = renew_connection_ || opening_.timed_out();
    if (!opening_.unfit()) return Close(opening_.status());
    CloseUnfit(opening_.status());
  }
}

// The failure is specific to this server or its permissions: the next attempt uses another server,
// if there is one.
void Publisher::CloseUnfit(const Status& status) {
  servers_.Unfit(status);
  renew_connection_ = renew_connection_ || !servers_.single();
  Close(servers_.Trouble());
}

void Publisher::BecomeOpen() {
  servers_.Serves();
  if (!opening_.subjects().empty() &&
      SubjectSet(opening_.subjects()).Takes(connection_->inbox() + ".1.1")) {
    return Close(Status::Invalid(
        StreamNamed(stream_.name) + " takes the subjects of the inbox, \"" + broker_.inbox_prefix +
            ".>\"",
        "The answers of the server would be stored: choose another fraiseql_nats.inbox_prefix."));
  }
  reply_ = connection_->inbox() + ".";
  AppendDecimal(generation_, &reply_);
  reply_.push_back('.');
  reply_prefix_ = reply_.size();
  stream_end_ = checked_end_ = opening_.end().sequence;
  stored_since_ = 0;
  stream_subjects_ = opening_.subjects();
  subjects_ = SubjectSet(stream_subjects_);
  looked_us_ = WallClockUs();
  ++openings_;
  if (created_ != opening_.end().stream) {
    created_ = opening_.end().stream;
    created_generation_ = generation_;
  }
  purge_.Begin(stream_.name);
  if (opening_.saw_foreign()) exclusivity_.SawForeign(now_ms_);
  chain_.Begin(exclusivity_.KindFor(now_ms_, opening_.replicas()), stream_end_);
  state_ = State::kOpen;
}

void Publisher::Close(Status status) {
  connecting_ = false;
  opening_.Abandon();
  state_ = State::kClosed;
  status_ = std::move(status);
}

int64_t Publisher::ConnectLimitMs() const { return broker_.connect_timeout_ms + kConnectGraceMs; }

void Publisher::Tick(int64_t now_ms) {
  now_ms_ = now_ms;
  opening_.Tick(now_ms);
  TakeOpening();
  if (state_ == State::kOpen) {
    Status purged = purge_.Tick(now_ms);
    if (!purged.ok()) Close(std::move(purged));
  }
  if (!connecting_) return;
  if (connect_deadline_ms_ == 0) connect_deadline_ms_ = now_ms + ConnectLimitMs();
  if (now_ms < connect_deadline_ms_) return;
  connector_.Interrupt();  // the library's own timeout has had no effect
  connect_deadline_ms_ = now_ms + kInterruptAgainMs;
}

int64_t Publisher::WaitMs(int64_t now_ms) const {
  if (state_ == State::kOpen) return purge_.WaitMs(now_ms);
  if (!connecting_) return opening_.WaitMs(now_ms);
  return connect_deadline_ms_ == 0 ? 0 : std::max<int64_t>(0, connect_deadline_ms_ - now_ms);
}

bool Publisher::CanSend() const {
  return state_ == State::kOpen && connection_->unsent_bytes() < kMaxUnsentBytes;
}

Status Publisher::Send(const Message& message, uint64_t sequence, bool want_ack) {
  if (!chained() && outstanding_ == 0) TieToLast();
  const bool truncates = purge_.IsTruncate(message);
  const bool ask = want_ack || truncates || chain_.kind() != Chain::Kind::kMessageId;
  reply_.resize(reply_prefix_);
  AppendDecimal(sequence, &reply_);
  expectation_.clear();
  if (chained()) chain_.AppendExpectation(&expectation_);
  Status status = Check(message);
  if (!status.ok()) return status;
  if (WireSize(message) + expectation_.size() > static_cast<size_t>(connection_->max_payload())) {
    exclusivity_.Pause(now_ms_);
    return Status::Unavailable(
        "message of " + std::to_string(WireSize(message)) +
        " bytes leaves no room for the header that ties it to the message before");
  }
  status = connection_->Publish(message, ask ? reply_ : std::string(), expectation_);
  if (!status.ok()) return status;
  if (chained()) chain_.Sent(FindHeader(message.headers, "Nats-Msg-Id"));
  if (ask) ++outstanding_;
  if (truncates) purge_.Sent(sequence);
  return status;
}

// When all messages are acknowledged, the growth of the stream shows whether another publisher has
// written to it.  If none has for long enough, the following messages can be chained.
void Publisher::TieToLast() {
  if (stream_end_ - checked_end_ != stored_since_) exclusivity_.SawForeign(now_ms_);
  checked_end_ = stream_end_;
  stored_since_ = 0;
  chain_.Begin(exclusivity_.KindFor(now_ms_, opening_.replicas()), stream_end_);
}

Status Publisher::Check(const Message& message) {
  const size_t size = WireSize(message);
  const size_t limit = static_cast<size_t>(connection_->max_payload());
  if (size > limit) {
    if (!IsStillBelieved(message, connected_us_, WallClockUs())) {
      renew_connection_ = true;  // a server reports a raised limit to new connections only
      return Status::Unavailable("message of " + std::to_string(size) +
                                 " bytes is over a limit that may have been raised: asking again");
    }
    return Status::Rejected("message of " + std::to_string(size) +
                                " bytes, headers included, is over the NATS server's limit of " +
                                std::to_string(limit),
                            "Raise max_payload in the server's configuration.");
  }
  if (message.subject.size() + reply_prefix_ + kMaxDigits + kControlLineRest > kMaxControlLine) {
    return Status::Rejected("subject of " + std::to_string(message.subject.size()) +
                            " bytes is too long for NATS");
  }
  // The caller has checked the subject already; but such a character would break the protocol on
  // each attempt.
  if (std::any_of(message.subject.begin(), message.subject.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' '; })) {
    return Status::Rejected("subject has a blank or control character");
  }
  if (!subjects_.Takes(message.subject)) return RefuseSubject(message);
  return refused_.empty() ? Status::Ok() : refused_.Check(message, WallClockUs());
}

// Such a message is never sent: another stream might take its subject, now or later.
Status Publisher::RefuseSubject(const Message& message) {
  if (!IsStillBelieved(message, looked_us_, WallClockUs())) {
    return Status::Unavailable("the stream did not take subject \"" + message.subject +
                               "\" when it was last checked: checking it again");
  }
  const std::string observer =
      message.observer.empty() ? "" : ", to which observer \"" + message.observer + "\" sends";
  // If the settings have the subject, the stream was not created from them.
  const bool is_wanted =
      !stream_.subjects.empty() && SubjectSet(stream_.subjects).Takes(message.subject);
  return Status::Rejected(
      StreamNamed(stream_.name) + " does not take subject \"" + message.subject + "\"" + observer,
      std::string(is_wanted ? "Run" : "Add it to \"fraiseql_nats.stream_subjects\", reload, run") +
          " SELECT * FROM fraiseql_nats.stream_sync(); and retry the message; or choose a subject "
          "that the stream takes.");
}

bool Publisher::NextReply(Reply* reply) {
  Connection::Delivery delivery;
  while (connection_ && connection_->NextAck(&delivery)) {
    if (Understand(delivery, reply)) return true;
  }
  return false;
}

// False: the delivery is of no interest to the pipeline.
bool Publisher::Understand(const Connection::Delivery& delivery, Reply* reply) {
  *reply = {};
  if (delivery.no_responders) return OnNoAnswerer(reply);
  uint64_t generation = 0;
  if (!ReadAddress(delivery.address, &generation, &reply->sequence)) return false;
  const bool current = generation == generation_;
  const PubAck ack = ParsePubAck(delivery.data);
  if (ack.kind == PubAck::Kind::kForeign) return false;
  if (ack.kind == PubAck::Kind::kAbsurd || IsAbsurd(ack)) {
    reply->status =
        Status::Unavailable("the NATS server acknowledges a message at an impossible place of " +
                                StreamNamed(stream_.name),
                            "A proxy on the way may change what the NATS server sends.");
    return current;
  }
  if (current && outstanding_ > 0) --outstanding_;
  if (ack.kind == PubAck::Kind::kRefused) return current && OnRefusal(ack.error, reply);
  if (ack.stream != stream_.name) {
    reply->status = Status::Invalid("subjects meant for " + StreamNamed(stream_.name) +
                                        " are taken by stream \"" + ForeignText(ack.stream) + "\"",
                                    "Check stream_name and the subjects of both streams.");
    return current;
  }
  if (ack.stream_sequence == 0) {  // a cluster answers so for a message that it is about to store
    reply->status = Status::Unavailable("a message with this id is still being stored");
    return current;
  }
  OnStored(ack, generation, reply);
  return true;
}

bool Publisher::IsAbsurd(const PubAck& ack) const {
  return ack.kind == PubAck::Kind::kStored && ack.stream_sequence > stream_end_ &&
         ack.stream_sequence - stream_end_ > kMaxGrowth;
}

// The reply does not identify the message.  Those of earlier generations arrive before the answers
// to this generation's Open(), because a server handles the messages of a connection in order.
bool Publisher::OnNoAnswerer(Reply* reply) {
  if (outstanding_ == 0) return false;
  --outstanding_;
  reply->status = Status::Unavailable(
      "no stream takes the messages' subjects, or it has no leader at present",
      "Compare the subjects of " + StreamNamed(stream_.name) + " with those of the observers.");
  return true;
}

bool Publisher::OnRefusal(const JetStreamError& error, Reply* reply) {
  reply->status = ToStatus(error, StreamNamed(stream_.name));
  reply->refused = error.err_code != kMessageBeingStored;
  reply->needs_resync = chained() && IsWrongExpectation(error);
  return true;
}

void Publisher::OnStored(const PubAck& ack, uint64_t generation, Reply* reply) {
  const bool current = generation == generation_;
  reply->duplicate = ack.duplicate;
  reply->stream_sequence = ack.stream_sequence;
  reply->late = generation < created_generation_;
  // Messages sent after the opening are stored after the end that it found, unless the stream was
  // recreated or has lost messages.
  const bool astray = current && !ack.duplicate && ack.stream_sequence <= opening_.end().sequence;
  stream_end_ = std::max(stream_end_, ack.stream_sequence);
  if (current && !ack.duplicate) ++stored_since_;
  if (current && !astray) {
    Status asked = purge_.Stored(reply->sequence, ack.stream_sequence, connection_.get(), now_ms_);
    if (!asked.ok()) Close(std::move(asked));
  }
  reply->needs_resync = astray;
  if (!current || chain_.kind() != Chain::Kind::kMessageId) return;
  // The server may report a duplicate without a check of its expectation, so it confirms no other
  // message.
  reply->through = !ack.duplicate;
  reply->needs_resync = ack.duplicate || astray;
}

}  // namespace fraiseql::nats
