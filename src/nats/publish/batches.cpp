// SPDX-License-Identifier: PostgreSQL
#include "nats/publish/batches.h"

#include <algorithm>
#include <cassert>
#include <random>

#include "core/base/number.h"

namespace fraiseql::nats {

namespace {

constexpr uint64_t kAckInterval = 64;
// Only the commit reports a place in the stream, up to which the next process need not look.
constexpr uint64_t kMostMessages = 10000;
constexpr int kIdDigits = 16;

uint64_t NewId() {
  std::random_device device;
  uint64_t id = 0;
  while (id == 0) id = uint64_t{device()} << 32 | device();
  return id;
}

}  // namespace

void AppendBatchReply(uint64_t id, uint64_t count, BatchOperation operation, std::string* reply) {
  AppendHex(id, kIdDigits, reply);
  reply->push_back('.');
  AppendDecimal(kAckInterval, reply);
  reply->append(".fail.");
  AppendDecimal(count, reply);
  reply->push_back('.');
  AppendDecimal(static_cast<uint64_t>(operation), reply);
  reply->append(".$FI");
}

void Batches::Begin(bool allowed) {
  phase_ = allowed ? Phase::kIdle : Phase::kOff;
  noted_ = wants_to_begin_ = false;
  sent_ = 0;
  runs_.clear();
}

bool Batches::CanSend(bool in_flight) const {
  switch (phase_) {
    case Phase::kOff:
    case Phase::kOpen:
      return true;
    case Phase::kIdle:
      return !wants_to_begin_ || (noted_ && !in_flight);
    case Phase::kBeginning:
    case Phase::kCommitting:
      return false;
  }
  return false;
}

bool Batches::TakesNext(uint64_t behind, bool in_flight) const {
  return phase_ == Phase::kOpen ||
         (phase_ == Phase::kIdle && noted_ && !in_flight && behind >= kLeastBehind);
}

BatchMark Batches::ToNote() const {
  const bool needed = phase_ == Phase::kIdle && wants_to_begin_ && !noted_;
  return needed ? BatchMark{id_, subject_} : BatchMark();
}

void Batches::Noted(bool noted) {
  assert(ToNote().id != 0);
  noted_ = noted;
  if (!noted) phase_ = Phase::kOff;
}

void Batches::SentOutside(const std::string& subject, uint64_t behind) {
  if (phase_ != Phase::kIdle) return;
  wants_to_begin_ = behind >= kLeastBehind;
  if (!wants_to_begin_ || noted_) return;
  id_ = NewId();
  subject_ = subject;
}

void Batches::Send(uint64_t sequence, bool last, std::string* reply) {
  const bool first = sent_++ == 0;
  wants_to_begin_ = false;
  if (runs_.empty() || sequence - runs_.back().sequence != sent_ - runs_.back().count) {
    runs_.push_back({sent_, sequence});
  }
  BatchOperation operation = first ? BatchOperation::kStart : BatchOperation::kAppend;
  if (last || sent_ == kMostMessages) {
    operation = BatchOperation::kCommit;
    phase_ = Phase::kCommitting;
  } else if (first) {
    phase_ = Phase::kBeginning;
  }
  reply->push_back('.');
  AppendBatchReply(id_, sent_, operation, reply);
}

void Batches::Begun() {
  if (phase_ == Phase::kBeginning) phase_ = Phase::kOpen;
}

uint64_t Batches::SequenceOf(uint64_t count) const {
  if (count == 0 || count > sent_) return 0;
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), count,
                                      [](uint64_t at, const Run& run) { return at < run.count; });
  const Run& run = *(after - 1);
  return run.sequence + (count - run.count);
}

bool Batches::Committed(uint64_t count) {
  const bool all = phase_ == Phase::kCommitting && count == sent_;
  phase_ = Phase::kIdle;
  sent_ = 0;
  runs_.clear();
  return all;
}

}  // namespace fraiseql::nats
