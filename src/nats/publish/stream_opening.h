// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/pipeline/sink.h"
#include "core/base/status.h"
#include "nats/base/broker_settings.h"
#include "nats/connection/connection.h"
#include "nats/jetstream/pub_ack.h"
#include "nats/jetstream/read_back.h"
#include "nats/jetstream/stream_api.h"

namespace fraiseql::nats {

// Makes the requests that precede publishing: gets the stream, creates it if it is missing, and
// finds which of our messages it already holds.  One request at a time, over a connection that the
// owner drives.
class StreamOpening {
 public:
  enum class State : uint8_t { kIdle, kBusy, kDone, kFailed };

  // `connection` must exist until the opening has ended, or until Abandon().
  void Begin(Connection* connection, const StreamSettings& stream, const ResumePoint& from);
  void Abandon() { state_ = State::kIdle; }

  // Processes the answers that have arrived; to be called after Connection::Process().
  void TakeAnswers();
  // The answer to a request about the earlier batch, which has `request` for the second part of its
  // address; the first is 0.
  void TakeFenceAnswer(uint64_t request, const PubAck& answer);
  void Tick(int64_t now_ms);
  // The time until Tick() is due, in milliseconds of the clock of Tick(); -1: no limit.
  int64_t WaitMs(int64_t now_ms) const;

  State state() const { return state_; }
  const Status& status() const { return status_; }  // why it has failed
  // The server has not answered: the connection may be dead.
  bool timed_out() const { return timed_out_; }
  // The failure is specific to this server or its permissions: another server may work.
  bool unfit() const { return unfit_; }

  // When done:
  Opened TakeOpened() { return std::move(opened_); }
  const StreamMark& end() const { return opened_.end; }
  int replicas() const { return info_.config.replicas.value_or(1); }
  // If false, only the last message is read.
  bool keeps_consumed() const { return info_.keeps_consumed(); }
  const std::vector<std::string>& subjects() const { return info_.config.subjects; }
  bool saw_foreign() const { return read_back_.saw_foreign(); }
  bool allows_batches() const { return info_.config.allows_batches && !info_.replicated(); }

 private:
  enum class Step : uint8_t {
    kStreamInfo,
    kStreamCreate,
    kFence,
    kOverlap,
    kTruncate,
    kPurge,
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
  void EndBatch();
  void AskForTruncate();
  void OnTruncate(const ApiAnswer& answer);
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
  size_t overlap_looked_at_ = 0;  // index in the subjects
  bool fenced_ = false;
  bool timed_out_ = false;
  bool unfit_ = false;
  std::string asked_;        // the subject of the last request
  int64_t deadline_ms_ = 0;  // of the step; 0: to be set by the next Tick()
  uint64_t requests_ = 0;    // the number of a request is the address of its answer
  StreamInfo info_;
  ReadBack read_back_;
  Opened opened_;
  uint64_t behind_ = 0;  // the sequence after which messages are read
  int64_t now_ms_ = 0;
  int64_t short_since_ms_ = 0;  // shorter than acknowledged since then; 0: it is not
};

}  // namespace fraiseql::nats
