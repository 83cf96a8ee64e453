// SPDX-License-Identifier: PostgreSQL
#include "nats/publish/stream_opening.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/change/message.h"
#include "core/base/number.h"
#include "core/change/position.h"
#include "core/route/bucket.h"
#include "core/route/subject_set.h"
#include "nats/base/names.h"
#include "nats/connection/nats_status.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_error.h"
#include "nats/jetstream/stored_message.h"
#include "nats/publish/batches.h"
#include "nats/publish/bucket_purge.h"

namespace fraiseql::nats {

namespace {

constexpr int64_t kRequestTimeoutMs = 2000;
constexpr int64_t kMostShortMs = 10000;

// Where to send a request about the batch.  Subscribers of NATS without JetStream get it, too, so
// the subject is beside those of messages, if the stream takes such a one.
std::string RequestSubject(const std::string& of_batch, const std::vector<std::string>& subjects) {
  const SubjectSet taken(subjects);
  std::vector<std::string> candidates;
  const size_t last = of_batch.rfind('.');
  const size_t second =
      last == std::string::npos || last == 0 ? last : of_batch.rfind('.', last - 1);
  for (const size_t dot : {second, last}) {
    if (dot != std::string::npos) candidates.push_back(of_batch.substr(0, dot) + "._batch");
  }
  candidates.push_back(of_batch);
  for (const std::string& candidate : candidates) {
    if (taken.Takes(candidate)) return candidate;
  }
  std::string subject = subjects.empty() ? of_batch : subjects.front();
  for (char& c : subject) {
    if (c == '*' || c == '>') c = '_';
  }
  return subject;
}

Status WithoutLeader(const std::string& what) {
  return Status::Unavailable(what + " has no leader at present",
                             "See whether all servers of the NATS cluster run and are connected.");
}

}  // namespace

void StreamOpening::Begin(Connection* connection, const StreamSettings& stream,
                          const ResumePoint& from) {
  connection_ = connection;
  stream_ = stream;
  from_ = from;
  state_ = State::kBusy;
  status_ = Status::Ok();
  timed_out_ = unfit_ = fenced_ = false;
  opened_ = {};
  read_back_ = {};
  Ask(Step::kStreamInfo, "STREAM.INFO." + stream_.name);
}

void StreamOpening::Ask(Step step, const std::string& request, const std::string& body) {
  step_ = step;
  asked_ = connection_->ApiSubject(request);
  deadline_ms_ = 0;
  std::string reply = connection_->inbox() + ".";
  AppendDecimal(++requests_, &reply);
  Status status = connection_->Request(asked_, body, reply);
  if (!status.ok()) Fail(std::move(status));
}

void StreamOpening::TakeAnswers() {
  Connection::Delivery delivery;
  while (state_ == State::kBusy && connection_->NextAnswer(&delivery)) {
    uint64_t request = 0;
    if (delivery.no_responders) {
      OnNoAnswerer();
    } else if (!delivery.reply.empty()) {
      if (step_ == Step::kRead) OnDelivery(delivery);
    } else if (ReadDecimal(delivery.address, &request) && request == requests_) {
      if (step_ == Step::kRead) {
        OnDelivery(delivery);
      } else {
        OnAnswer(delivery.data);
      }
    }
  }
}

void StreamOpening::OnNoAnswerer() {
  unfit_ = true;
  Fail(Status::Unavailable("JetStream is not enabled in the NATS server, or has no leader",
                           "Start nats-server with -js or a section jetstream {}."));
}

void StreamOpening::OnAnswer(std::string_view data) {
  const ApiAnswer answer = ParseApiAnswer(data, StreamNamed(stream_.name));
  switch (step_) {
    case Step::kStreamInfo:
    case Step::kStreamCreate:
      OnStream(answer);
      break;
    case Step::kOverlap:
      OnOverlap(answer);
      break;
    case Step::kTruncate:
      OnTruncate(answer);
      break;
    case Step::kPurge:
      if (!answer.status.ok()) return Fail(answer.status);
      ReadBackOrFinish();
      break;
    case Step::kConsumer:
      ReadOnIf(read_back_.OnCreated(answer));
      break;
    case Step::kLeader:
      ReadOnIf(read_back_.OnLeader(answer));
      break;
    case Step::kLast:
      OnLast(answer);
      break;
    case Step::kFence:
    case Step::kRead:
      break;
  }
}

void StreamOpening::OnStream(const ApiAnswer& answer) {
  if (answer.status.ok()) {
    Status understood = ReadStreamInfo(answer.body, StreamNamed(stream_.name), &info_);
    if (!understood.ok()) return Fail(std::move(understood));
    if (IsBeingMade(info_.created)) return Fail(StillBeingMade(StreamNamed(stream_.name)));
    if (!info_.has_leader) return Fail(WithoutLeader(StreamNamed(stream_.name)));
    opened_.end = {info_.created, info_.last_sequence};
    Status compared = CompareWithMark();
    if (!compared.ok()) return Fail(std::move(compared));
    if (info_.config.allows_batches && from_.batch.id != 0 && !fenced_) return EndBatch();
    AskForTruncate();
  } else if (step_ == Step::kStreamInfo && answer.err_code == kStreamNotFound && stream_.create) {
    Ask(Step::kStreamCreate, "STREAM.CREATE." + stream_.name, ToText(NewStreamConfig(stream_)));
  } else if (step_ == Step::kStreamCreate && answer.err_code == kSubjectsOverlap &&
             !stream_.subjects.empty()) {
    status_ = answer.status;
    overlap_looked_at_ = 0;
    AskForOverlap();
  } else {
    Fail(answer.status);
  }
}

// Has the stream refuse the messages that continue the earlier batch (see Batches): a ping about a
// message that it has not received ends the batch.
void StreamOpening::EndBatch() {
  constexpr uint64_t kNeverReached = UINT32_MAX;
  const int64_t deadline_ms = step_ == Step::kFence ? deadline_ms_ : 0;
  step_ = Step::kFence;
  deadline_ms_ = deadline_ms;
  asked_ = RequestSubject(from_.batch.subject, subjects());
  std::string reply = connection_->inbox() + ".0.";
  AppendDecimal(++requests_, &reply);
  reply.push_back('.');
  AppendBatchReply(from_.batch.id, kNeverReached, BatchOperation::kPing, &reply);
  Status status = connection_->Request(asked_, "{}", reply);
  if (!status.ok()) Fail(std::move(status));
}

// A batch of a replicated stream lasts until all its messages are stored, so this is repeated until
// the stream does not know it.
void StreamOpening::TakeFenceAnswer(uint64_t request, const PubAck& answer) {
  if (state_ != State::kBusy || step_ != Step::kFence || request != requests_) return;
  if (answer.kind == PubAck::Kind::kBatchGap) return EndBatch();
  if (answer.kind != PubAck::Kind::kRefused) return;
  const int code = answer.error.err_code;
  if (code != kUnknownBatch && code != kBatchesDisabled) {
    return Fail(ToStatus(answer.error, StreamNamed(stream_.name)));
  }
  fenced_ = true;
  Ask(Step::kStreamInfo, "STREAM.INFO." + stream_.name);
}

void StreamOpening::AskForOverlap() {
  Ask(Step::kOverlap, "STREAM.NAMES",
      ToText(Json{{"subject", stream_.subjects[overlap_looked_at_]}}));
}

// Finds the other stream that has one of the subjects, so that the error can name it.
void StreamOpening::OnOverlap(const ApiAnswer& answer) {
  const std::string other = StreamInNames(answer.body, stream_.name);
  if (other.empty() && ++overlap_looked_at_ < stream_.subjects.size()) return AskForOverlap();
  Fail(OverlapWith(other, std::move(status_)));
}

// A stream that is not the one of the mark, or is shorter than it was, has lost stored messages.
// Not ok: the loss is not certain yet.
Status StreamOpening::CompareWithMark() {
  if (from_.mark.stream.empty()) return Status::Ok();
  opened_.is_marked = from_.mark.stream == opened_.end.stream ||
                      (info_.is_older_than_created && from_.seen <= opened_.end.sequence);
  if (!opened_.is_marked) {
    opened_.loss = Status::Unavailable(
        StreamNamed(stream_.name) + " was deleted and recreated, and its messages are gone" +
            (from_.seen > 0 ? ": it ended at " + std::to_string(from_.seen) : ""),
        "Messages that were acknowledged before cannot be sent again.");
  } else if (from_.seen > opened_.end.sequence) {
    return LosesAcknowledged();
  }
  short_since_ms_ = 0;
  return Status::Ok();
}

// A new leader of a replicated stream reports the end up to which it has applied the committed
// messages, and a former leader that was suspended reports an outdated end.  For a while, either
// may be less than was acknowledged.
Status StreamOpening::LosesAcknowledged() {
  const std::string ends = "it ended at " + std::to_string(from_.seen) + ", and now ends at " +
                           std::to_string(opened_.end.sequence);
  if (info_.replicated()) {
    if (short_since_ms_ == 0) short_since_ms_ = now_ms_;
    if (short_since_ms_ == 0 || now_ms_ - short_since_ms_ < kMostShortMs) {
      return Status::Unavailable(
          "the leader of " + StreamNamed(stream_.name) +
              " does not have messages that were acknowledged: " + ends,
          "It may be about to catch up; see whether all servers of the NATS cluster run.");
    }
  }
  short_since_ms_ = 0;
  opened_.loss = Status::Unavailable(
      StreamNamed(stream_.name) + " has lost messages that it had acknowledged: " + ends,
      "The NATS server may have lost its disk or a restart without \"sync_interval\": check it.");
  return Status::Ok();
}

// The message of a TRUNCATE may be stored, and the purge that is to follow prevented (see
// BucketPurge).
void StreamOpening::AskForTruncate() {
  const std::string subject = TruncateSubject(stream_.name);
  if (subject.empty()) return ReadBackOrFinish();
  Ask(Step::kTruncate, "STREAM.MSG.GET." + stream_.name, ToText(Json{{"last_by_subj", subject}}));
}

void StreamOpening::OnTruncate(const ApiAnswer& answer) {
  std::optional<StoredMessage> truncate;
  Status status = ReadMessage(answer, StreamNamed(stream_.name), &truncate);
  if (!status.ok()) return Fail(std::move(status));
  if (!truncate || info_.first_sequence >= truncate->sequence) return ReadBackOrFinish();
  Ask(Step::kPurge, BucketPurge::RequestName(stream_.name),
      BucketPurge::RequestBody(truncate->sequence));
}

void StreamOpening::ReadBackOrFinish() {
  behind_ = from_.mark.sequence;
  if (!from_.mark.nothing_stored() && !opened_.is_marked) behind_ = 0;
  if (behind_ >= opened_.end.sequence) {
    state_ = State::kDone;
  } else if (!info_.keeps_consumed()) {
    Ask(Step::kLast, "STREAM.MSG.GET." + stream_.name, R"({"last_by_subj":">"})");
  } else {
    const ReadBack::Request request =
        read_back_.Begin({stream_.name, stream_.origin, behind_, opened_.end.sequence,
                          from_.settled_lsn, info_.replicated(), KnownPlaces()});
    Ask(Step::kConsumer, request.name, request.body);
  }
}

std::vector<StoredPlaces> StreamOpening::KnownPlaces() {
  if (!opened_.is_marked) return {};  // they are sequences of another stream
  return std::move(from_.known);
}

// A consumer of ours cannot read a stream that removes consumed messages: it would consume them or
// delay their removal.  But if the last message is ours, those before it have been stored.
void StreamOpening::OnLast(const ApiAnswer& answer) {
  std::optional<StoredMessage> last;
  Status status = ReadMessage(answer, StreamNamed(stream_.name), &last);
  if (!status.ok()) return Fail(std::move(status));
  const uint64_t end = opened_.end.sequence;
  const std::string headers = last ? last->headers : "";
  Position position;
  if (last && last->sequence > behind_ && last->sequence <= end &&
      ReadBack::IsOf(stream_.origin, MessageIdOf(headers),
                     FindHeader(headers, "Fraiseql-Origin")) &&
      ParsePosition(FindHeader(headers, "Fraiseql-Position"), &position)) {
    opened_.contents.LetGo(last->sequence - 1 - behind_);
    opened_.contents.Found(position);
    behind_ = last->sequence;
  }
  opened_.contents.LetGo(end - behind_);
  state_ = State::kDone;
}

void StreamOpening::OnDelivery(const Connection::Delivery& delivery) {
  bool used_up = false;
  const uint64_t before = read_back_.delivered();
  Status status = read_back_.OnDelivery(*connection_, delivery, &used_up);
  if (read_back_.delivered() != before) deadline_ms_ = 0;
  if (!status.ok()) {
    Fail(std::move(status));
  } else if (used_up) {
    ReadOn();
  }
}

void StreamOpening::ReadOnIf(Status status) {
  if (status.ok()) return ReadOn();
  Fail(std::move(status));
}

void StreamOpening::ReadOn() {
  if (read_back_.must_ask_leader()) {
    const ReadBack::Request request = read_back_.AskLeader();
    return Ask(Step::kLeader, request.name, request.body);
  }
  const ReadBack::Request request = read_back_.done() ? read_back_.Finish() : read_back_.Next();
  Ask(Step::kRead, request.name, request.body);
  if (!read_back_.done() || state_ != State::kBusy) return;
  opened_.contents = read_back_.TakeContents();
  state_ = State::kDone;
}

void StreamOpening::Fail(Status status) {
  state_ = State::kFailed;
  if (status.code() == StatusCode::kInvalid) unfit_ = true;
  status_ = std::move(status);
}

void StreamOpening::Tick(int64_t now_ms) {
  now_ms_ = now_ms;
  if (state_ != State::kBusy) return;
  if (deadline_ms_ == 0) deadline_ms_ = now_ms + kRequestTimeoutMs;
  if (now_ms < deadline_ms_) return;
  if (step_ == Step::kOverlap) return Fail(std::move(status_));  // no permission, perhaps
  timed_out_ = unfit_ = true;
  Fail(NoAnswer("JetStream", StreamNamed(stream_.name) + " at \"" + asked_ + "\""));
}

int64_t StreamOpening::WaitMs(int64_t now_ms) const {
  if (state_ != State::kBusy) return -1;
  return deadline_ms_ == 0 ? 0 : std::max<int64_t>(0, deadline_ms_ - now_ms);
}

}  // namespace fraiseql::nats
