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

// In a stream with chained messages, one acknowledgement in so many messages is requested; it
// covers all messages before it.
constexpr uint64_t kAckInterval = 64;

constexpr std::string_view kBatchHeader = "Fraiseql-Batch: 1\r\n";

// The id of a message whose headers have it as Fraiseql-Id, which is the first then: it may have to
// be sent as its Nats-Msg-Id, too.
std::string_view OwnId(const Message& message) {
  constexpr std::string_view kName = "Fraiseql-Id: ";
  const std::string_view headers = message.headers;
  if (headers.substr(0, kName.size()) != kName) return {};
  return headers.substr(kName.size(), headers.find('\r') - kName.size());
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
  batches_.End();
  reopens_ = false;
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
    check_.Connected(connection_->max_payload());
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
  Status refused = check_.Learn(connection_->refusal());
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
  stream_end_ = opening_.end().sequence;
  NoteEnd();
  check_.Looked(opening_.subjects());
  ++openings_;
  if (created_ != opening_.end().stream) {
    created_ = opening_.end().stream;
    created_generation_ = generation_;
  }
  purge_.Begin(stream_.name);
  if (opening_.saw_foreign()) exclusivity_.SawForeign(now_ms_);
  last_asked_ = true;
  batches_.Begin(stream_.allows_batches && opening_.allows_batches());
  check_.SetReplySize(reply_prefix_ + kMaxDecimal + (batches_.on() ? Batches::kMoreReply : 0));
  TieToLast();
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
  return state_ == State::kOpen && connection_->unsent_bytes() < kMaxUnsentBytes &&
         batches_.CanSend(in_flight());
}

Status Publisher::Send(const Message& message, uint64_t sequence, const Around& around) {
  const bool in_batch = batches_.TakesNext(around.behind, in_flight());
  if (in_batch) {
    chain_.End();
  } else if (!chained() && outstanding_ == 0) {
    TieToLast();
  }
  Status status = Check(message);
  if (!status.ok()) return status;
  MakeMoreHeaders(message, in_batch, around.sent_before);
  if (!check_.Fits(message, more_headers_.size())) {
    exclusivity_.Pause(now_ms_);
    return Status::Unavailable("message of " + std::to_string(MessageCheck::WireSize(message, 0)) +
                               " bytes leaves no room for the header that ties it to the message "
                               "before");
  }
  const bool truncates = purge_.IsTruncate(message);
  const bool last = around.behind == 0 || truncates;
  const bool ask = in_batch || last || sequence % kAckInterval == 0 ||
                   chain_.kind() != Chain::Kind::kMessageId || batches_.WantsToBegin(around.behind);
  reply_.resize(reply_prefix_);
  AppendDecimal(sequence, &reply_);
  if (in_batch) batches_.Send(sequence, last, &reply_);
  status = connection_->Publish(message, ask ? reply_ : std::string(), more_headers_);
  if (!status.ok()) return status;
  if (chained()) chain_.Sent(MessageIdOf(message.headers));
  if (!in_batch) batches_.SentOutside(message.subject, around.behind);
  last_asked_ = ask;
  if (ask) ++outstanding_;
  if (truncates) purge_.Sent(sequence);
  return status;
}

// The header lines that the message is sent with besides its own.
void Publisher::MakeMoreHeaders(const Message& message, bool in_batch, bool sent_before) {
  more_headers_.clear();
  if (chained()) chain_.AppendExpectation(&more_headers_);
  const std::string_view id = OwnId(message);
  if (id.empty() || (in_batch && !batches_.begins() && !sent_before)) return;
  more_headers_.append("Nats-Msg-Id: ").append(id).append("\r\n");
  // The read-back takes a message with this header, or without a Nats-Msg-Id, to follow all others.
  if (in_batch) more_headers_.append(kBatchHeader);
}

// When all messages are acknowledged, the growth of the stream shows whether another publisher has
// written to it.  If none has for long enough, the following messages can be chained.
void Publisher::TieToLast() {
  if (stream_end_ - checked_end_ != stored_since_) exclusivity_.SawForeign(now_ms_);
  NoteEnd();
  chain_.Begin(exclusivity_.KindFor(now_ms_, opening_.replicas()), stream_end_);
}

Status Publisher::Check(const Message& message) {
  const std::string_view id = OwnId(message);
  const size_t more =
      id.empty() ? 0 : id.size() + sizeof("Nats-Msg-Id: \r\n") + kBatchHeader.size();
  return check_.Check(message, more, stream_, &renew_connection_);
}

}  // namespace fraiseql::nats
