// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/counter.h"
#include "core/change/message.h"

namespace fraiseql {

// How many messages took how long from their commit to their acknowledgement.  The bounds of the
// buckets double; the last bucket has no bound.
struct LatencyCounts {
  static constexpr int kBuckets = 20;

  Counter sum_us;
  Counter buckets[kBuckets];

  // The bucket of a time; times up to its bound, inclusive, belong to it.  A time below 0, from a
  // clock that was set back, counts as 0.
  static int BucketOf(int64_t us);
  // 250 microseconds, 0.5 ms, ... 65.536 s.  REQUIRES: the bucket is not the last one.
  static constexpr int64_t BoundUs(int bucket) { return int64_t{250} << bucket; }

  void Add(int64_t us) {
    sum_us.Add(us > 0 ? static_cast<uint64_t>(us) : 0);
    buckets[BucketOf(us)].Add(1);
  }

  uint64_t messages() const;
  // The bucket of the message that is behind this share of all of them, between 0 and 1; -1 without
  // any message.
  int BucketOfQuantile(double quantile) const;
};

// What was done for one stream; written by its worker.
struct StreamCounts {
  Counter sent;
  Counter acked;
  Counter resent;
  Counter found;  // in the stream, and so not sent again
  Counter order_breaks;
  Counter dropped;     // notifications dropped for a full window, with capture = notify
  Counter untestable;  // changes not published, as a condition could not be evaluated
  Counter dead_letters;
  Counter failures;  // of an attempt to publish
  Counter reconnects;
  Counter dlq_moved;           // dead letters of consumers
  Counter dlq_put_off;         // failed attempts to move one
  Counter dlq_not_understood;  // advisories that could not be read, and were dropped
  Counter bytes;               // of the messages in the stream: subjects, headers and payloads
  LatencyCounts latency;

  static constexpr size_t kCounts = 15 + LatencyCounts::kBuckets;
};

// Counts acknowledged messages, for their stream and for their observers.
class PublishStats {
 public:
  // `now_us` returns the time since 1970; `counts` is not owned.
  PublishStats(StreamCounts* counts, int64_t (*now_us)()) : counts_(counts), clock_(now_us) {}

  // The clock is read once for the messages that are acknowledged until the next call.
  void BeginTurn() { now_us_ = 0; }

  // The message is in the stream.
  void Acked(const Message& message) {
    if (now_us_ == 0) now_us_ = clock_();
    const uint64_t bytes = message.size();
    counts_->bytes.Add(bytes);
    counts_->latency.Add(now_us_ - message.commit_time_us);
    ObserverCounts* const observer = message.counts;
    if (observer == nullptr) return;
    observer->published.Add(1);
    observer->bytes.Add(bytes);
    observer->last_published_us.Set(static_cast<uint64_t>(now_us_));
  }

 private:
  StreamCounts* const counts_;
  int64_t (*const clock_)();
  int64_t now_us_ = 0;
};

}  // namespace fraiseql
