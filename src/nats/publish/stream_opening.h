// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/pipeline/sink.h"
#include "core/base/status.h"
#include "nats/base/broker_settings.h"
#include "nats/connection/connection.h"
#include "nats/jetstream/read_back.h"
#include "nats/jetstream/stream_api.h"

namespace fraiseql::nats {

// What there is to ask before messages can go into a stream: the stream itself, which is created
// if it is missing, and what it holds already of ours.  One request at a time, over a connection
// that the owner drives.
class StreamOpening {
 public:
  enum class State : uint8_t { kIdle, kBusy, kDone, kFailed };

  // `connection` must stay until the opening is over, or until Abandon().
  void Begin(Connection* connection, const StreamSettings& stream, const ResumePoint& from);
  void Abandon() { state_ = State::kIdle; }

  // Takes the answers that have come; to be called after Connection::Process().
  void TakeAnswers();
  void Tick(int64_t now_ms);
  // -1: for as long as nothing happens.  Milliseconds, of the clock that Tick() is given.
  int64_t WaitMs(int64_t now_ms) const;

  State state() const { return state_; }
  const Status& status() const { return status_; }  // why it has failed
  // The server has not answered: the connection may be dead.
  bool timed_out() const { return timed_out_; }
  // It is of this server, or of what it lets us do, that it has failed: another one may serve.
  bool unfit() const { return unfit_; }

  // When done:
  Opened TakeOpened() { return std::move(opened_); }
  const StreamMark& end() const { return opened_.end; }
  int replicas() const { return info_.config.replicas.value_or(1); }
  // Else only the last message is looked at.
  bool keeps_consumed() const { return info_.keeps_consumed(); }
  const std::vector<std::string>& subjects() const { return info_.config.subjects; }
  bool saw_foreign() const { return read_back_.saw_foreign(); }

 private:
  enum class Step : uint8_t {
    kStreamInfo,
    kStreamCreate,
    kOverlap,
    kConsumer,
    kRead,
    kLeader,
    kLast
  };

  void Ask(Step step, const std::string& request, const std::string& body = "");
  void OnAnswer(std::string_view data);
  void OnStream(const ApiAnswer& answer);
  void OnDelivery(const Connection::Delivery& delivery);
  void OnNoAnswerer();
  void AskForOverlap();
  void OnOverlap(const ApiAnswer& answer);
  Status CompareWithMark();
  Status LosesAcknowledged();
  void ReadBackOrFinish();
  std::vector<StoredPlaces> KnownPlaces();
  void ReadOnIf(Status status);
  void ReadOn();
  void OnLast(const ApiAnswer& answer);
  void Fail(Status status);

  Connection* connection_ = nullptr;
  StreamSettings stream_;
  ResumePoint from_;
  State state_ = State::kIdle;
  Step step_ = Step::kStreamInfo;
  Status status_;
  size_t overlap_looked_at_ = 0;  // of the subjects
  bool timed_out_ = false;
  bool unfit_ = false;
  std::string asked_;        // the subject of the last request
  int64_t deadline_ms_ = 0;  // of the step; 0: to be set by the next Tick()
  uint64_t requests_ = 0;    // their number is the address of the answer
  StreamInfo info_;
  ReadBack read_back_;
  Opened opened_;
  uint64_t behind_ = 0;  // of the stream, what is looked for
  int64_t now_ms_ = 0;
  int64_t short_since_ms_ = 0;  // it ends too early since; 0: it does not
};

}  // namespace fraiseql::nats
