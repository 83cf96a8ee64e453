// SPDX-License-Identifier: PostgreSQL
#include "nats/deadletter/dead_letter_session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "nats/base/names.h"
#include "nats/jetstream/api_answer.h"
#include "nats/jetstream/jetstream_error.h"
#include "nats/base/clock.h"
#include "nats/manage/consumer_management.h"
#include "nats/jetstream/delivery_origin.h"
#include "nats/jetstream/message_lookup.h"
#include "nats/manage/stream_management.h"
#include "core/route/subject_set.h"

namespace fraiseql::nats {

namespace {

constexpr char kConsumer[] = "dead_letter_mover";
constexpr int64_t kPullWaitMs = 5000;
constexpr int64_t kRetryMs = 5000;  // a failed advisory is delivered again
constexpr int kMaxConflicts = 50;   // with other movers that store dead letters

// For the headers with expectations, and the frame of the header block.
constexpr size_t kHeaderReserve = 400;

std::string AdvisorySubject(const char* kind, const std::string& stream) {
  return std::string("$JS.EVENT.ADVISORY.CONSUMER.") + kind + "." + stream + ".>";
}

}  // namespace

DeadLetterSession::DeadLetterSession(DeadLetterSettings settings)
    : settings_(std::move(settings)), advisories_(settings_.stream + "_advisories") {}

Status DeadLetterSession::Open(ServerList* servers, const EventFd* cancel) {
  Status status = JetStreamClient::Open(servers, cancel, &js_);
  if (!status.ok()) return status;
  status = EnsureAdvisories();
  if (status.ok()) status = FindDeadLetterStream();
  if (status.ok()) {
    servers->Serves();
  } else if (js_->missing()) {
    servers->Unfit(status);
  }
  return status;
}

// The stream of advisories has the storage and replicas of the observed stream.
Status DeadLetterSession::EnsureAdvisories() {
  StreamInfo observed;
  Status status = GetStreamInfo(js_.get(), settings_.stream, &observed);
  if (!status.ok()) return status;
  StreamSpec advisories;
  advisories.name = advisories_;
  advisories.subjects = {AdvisorySubject("MAX_DELIVERIES", settings_.stream),
                         AdvisorySubject("MSG_TERMINATED", settings_.stream)};
  advisories.retention = Retention::kWorkQueue;
  advisories.storage = observed.config.storage;
  advisories.replicas = observed.config.replicas;
  Differences ignored;
  status = EnsureStream(js_.get(), advisories, EnsureMode::kUpdate, &ignored);
  if (!status.ok()) return status;
  ConsumerSpec consumer;
  consumer.name = kConsumer;
  consumer.max_deliver = -1;
  consumer.ack_wait_ms = settings_.ack_wait_ms;
  ConsumerChange change;
  return EnsureConsumer(js_.get(), advisories_, consumer, &change);
}

Status DeadLetterSession::FindDeadLetterStream() {
  const std::string what = "stream of subject \"" + settings_.subject + "\"";
  const ApiAnswer answer = js_->Call("STREAM.NAMES", {{"subject", settings_.subject}}, what);
  if (!answer.status.ok()) return answer.status;
  const std::vector<std::string> names = ListAt(answer.body, "streams");
  const std::string name = names.empty() ? "" : names.front();
  if (!CheckName("stream", name).ok()) {
    const bool is_wanted = !settings_.stream_subjects.empty() &&
                           SubjectSet(settings_.stream_subjects).Takes(settings_.subject);
    return Status::Invalid("no stream takes the dead letter subject \"" + settings_.subject + "\"",
                           is_wanted ? "Run SELECT * FROM fraiseql_nats.stream_sync();"
                                     : "Add it to the subjects of a stream.");
  }
  index_ = std::make_unique<DeadLetterIndex>(js_.get(), name, settings_.subject);
  return answer.status;
}

Status DeadLetterSession::RunOnce(Snapshot* snapshot) {
  Status status = CheckConsumers();
  const int64_t until_check_ms = std::max<int64_t>(1, next_check_ms_ - SteadyMs());
  std::optional<JetStreamClient::Delivered> advisory;
  if (status.ok()) {
    status = js_->Pull(advisories_, kConsumer, std::min(kPullWaitMs, until_check_ms), &advisory);
  }
  return status.ok() && advisory ? Handle(*advisory, snapshot) : status;
}

Status DeadLetterSession::CheckConsumers() {
  const int64_t now_ms = SteadyMs();
  if (now_ms < next_check_ms_) return Status::Ok();
  next_check_ms_ = now_ms + settings_.check_interval_ms;
  return stalled_.Check(js_.get(), settings_.stream, now_ms);
}

Status DeadLetterSession::Handle(const JetStreamClient::Delivered& advisory, Snapshot* snapshot) {
  GiveUp give_up;
  if (!ParseAdvisory(advisory.payload, &give_up) || give_up.stream != settings_.stream) {
    ++snapshot->not_understood;
    snapshot->trouble = Status::Invalid(
        "an advisory could not be understood, and was dropped",
        "If no NATS client has published it, the NATS server may be newer than this extension.");
    return js_->Terminate(advisory);  // a redelivery would not help
  }
  // The time at which the server stored the advisory; the letter cannot be older.
  DeliveryOrigin origin;
  if (ParseDeliveryOrigin(advisory.reply, &origin)) give_up.time_ns = origin.time_ns;
  Outcome outcome = Outcome::kMoved;
  Status status = Move(give_up, &outcome);
  if (!status.ok()) {
    ++snapshot->failed;
    snapshot->trouble = status;
    if (js_->lost()) return status;
    const Status put_off = js_->Nak(advisory, kRetryMs);
    // The result of Open() may be outdated, such as the stream that takes the dead letters.
    return status.code() == StatusCode::kInvalid ? status : put_off;
  }
  if (outcome == Outcome::kMoved || outcome == Outcome::kMovedFacts) ++snapshot->moved;
  if (outcome == Outcome::kMovedFacts) ++snapshot->without_payload;
  if (outcome == Outcome::kAlreadyThere) ++snapshot->already_there;
  if (outcome == Outcome::kLoop) ++snapshot->loops;
  snapshot->trouble = Status::Ok();
  return js_->Ack(advisory);
}

Status DeadLetterSession::Move(const GiveUp& give_up, Outcome* outcome) {
  Status status = index_->Cover(give_up.time_ns);
  if (!status.ok()) return status;
  if (index_->Contains(DeadLetterId(give_up))) {
    *outcome = Outcome::kAlreadyThere;
    return status;
  }
  std::optional<StoredMessage> found;
  status = GetMessage(js_.get(), give_up.stream, give_up.sequence, &found);
  const StoredMessage* const original = found ? &*found : nullptr;
  bool loop = false;
  if (status.ok()) status = IsLoop(give_up, original, &loop);
  if (!status.ok()) return status;
  if (loop) {
    *outcome = Outcome::kLoop;
    return status;
  }
  return Store(give_up, original, outcome);
}

// Whether the consumer has given up a dead letter.  A message that the stream has removed was one
// if the consumer's filter is the dead letter subject.
Status DeadLetterSession::IsLoop(const GiveUp& give_up, const StoredMessage* original, bool* loop) {
  if (original != nullptr) {
    *loop = IsDeadLetter(*original, settings_.subject);
    return Status::Ok();
  }
  ConsumerInfo consumer;
  Status status = GetConsumerInfo(js_.get(), give_up.stream, give_up.consumer, &consumer);
  *loop = status.ok() && consumer.config.filter_subject == settings_.subject;
  return js_->lost() ? status : Status::Ok();  // the consumer may have been deleted
}

// Stores the letter with all of the original or, if that is removed or too large, with the facts
// only.
Status DeadLetterSession::Store(const GiveUp& give_up, const StoredMessage* original,
                                Outcome* outcome) {
  const auto store = [&](Content content) {
    Message letter;
    letter.subject = settings_.subject;
    WriteDeadLetter(give_up, original, content, &letter);
    const size_t size = letter.headers.size() + kHeaderReserve + letter.payload.size();
    if (size > static_cast<size_t>(js_->max_payload())) {
      return Status::Rejected("dead letter of " + std::to_string(size) + " bytes is too large");
    }
    return StoreOnce(DeadLetterId(give_up), letter, outcome);
  };
  Status status = store(original != nullptr ? Content::kAll : Content::kGone);
  bool facts_only = original == nullptr;
  if (!facts_only && status.code() == StatusCode::kRejected) {
    facts_only = true;
    status = store(Content::kTooLarge);
  }
  if (facts_only && *outcome == Outcome::kMoved) *outcome = Outcome::kMovedFacts;
  return status;
}

// See DeadLetterIndex.
Status DeadLetterSession::StoreOnce(const std::string& id, const Message& letter,
                                    Outcome* outcome) {
  for (int conflicts = 0; conflicts < kMaxConflicts; ++conflicts) {
    if (index_->Contains(id)) {
      *outcome = Outcome::kAlreadyThere;
      return Status::Ok();
    }
    Message attempt = letter;
    attempt.AddHeader("Nats-Expected-Stream", index_->stream());
    attempt.AddHeader("Nats-Expected-Last-Subject-Sequence",
                      std::to_string(index_->last_sequence()));
    JetStreamClient::Stored stored;
    Status status = js_->Publish(attempt, &stored);
    if (status.ok()) {
      *outcome = stored.duplicate ? Outcome::kAlreadyThere : Outcome::kMoved;
      index_->Add(id, stored.duplicate ? 0 : stored.sequence);
      return status;
    }
    if (stored.err_code != kWrongLastSequence) return status;
    status = index_->ReadOn();
    if (!status.ok()) return status;
  }
  return Status::Unavailable("too many others store dead letters at the same time");
}

}  // namespace fraiseql::nats
