// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/stream_contents.h"

namespace fraiseql {

namespace {
// A stream of one message a subject has gaps everywhere: 4 MB of them.
constexpr size_t kMostGaps = size_t{1} << 16;

uint64_t Sum(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }
}  // namespace

void StreamContents::Found(const Position& position, bool is_tied) {
  held_.Insert(position);
  if (is_tied && tied_ < position) tied_ = position;
  // A message that was stored late says nothing about the places before it.
  if (newest_ < position) Close(position);
}

void StreamContents::LetGo(const Position& position) {
  if (newest_ < position) Close(position);
}

void StreamContents::Close(const Position& before) {
  if (at_the_end_ > 0) {
    gaps_.push_back({newest_, before, at_the_end_});
    at_the_end_ = 0;
    if (gaps_.size() == kMostGaps) Merge();
  }
  newest_ = before;
}

void StreamContents::LetGo(uint64_t places) { at_the_end_ = Sum(at_the_end_, places); }

void StreamContents::Merge() {
  for (size_t i = 0; i < gaps_.size() / 2; ++i) {
    const Gap& first = gaps_[2 * i];
    const Gap& second = gaps_[2 * i + 1];
    gaps_[i] = {first.behind, second.before, Sum(first.places, second.places)};
  }
  gaps_.resize(gaps_.size() / 2);
}

StreamContents::Presence StreamContents::Classify(const Position& position) {
  if (HoldsFrom(position) && Holds(position)) return Presence::kHeld;
  if (position < tied_) return Presence::kLetGo;
  if (newest_ < position) {
    if (at_the_end_ == 0) return Presence::kMissing;
    --at_the_end_;
    return Presence::kUnknown;
  }
  while (passed_ < gaps_.size() && gaps_[passed_].before < position) {
    spare_ = Sum(spare_, gaps_[passed_++].places);
  }
  const bool in_gap = passed_ < gaps_.size() && gaps_[passed_].behind < position;
  if (in_gap && gaps_[passed_].places > 0) {
    --gaps_[passed_].places;
    return Presence::kLetGo;
  }
  // An earlier message may have been stored twice and may have used more than one place.
  return in_gap || spare_ > 0 ? Presence::kUnknown : Presence::kMissing;
}

bool StreamContents::HoldsFrom(const Position& position) {
  if (!held_.empty() && held_.last() < position) held_.Clear();
  return !held_.empty();
}

}  // namespace fraiseql
