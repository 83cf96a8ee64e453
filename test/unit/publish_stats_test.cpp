// SPDX-License-Identifier: PostgreSQL
#include "core/pipeline/publish_stats.h"

#include <gtest/gtest.h>

#include "core/pipeline/pipeline.h"
#include "fake_broker.h"

namespace fraiseql {
namespace {

int64_t now_us = 0;

TEST(PublishStatsTest, ATimeBelongsToTheBucketOfItsBound) {
  for (int i = 0; i + 1 < LatencyCounts::kBuckets; ++i) {
    EXPECT_EQ(LatencyCounts::BucketOf(LatencyCounts::BoundUs(i)), i);
    EXPECT_EQ(LatencyCounts::BucketOf(LatencyCounts::BoundUs(i) + 1), i + 1);
  }
  EXPECT_EQ(LatencyCounts::BoundUs(0), 250);
  EXPECT_EQ(LatencyCounts::BoundUs(2), 1000);
  EXPECT_EQ(LatencyCounts::BoundUs(LatencyCounts::kBuckets - 2), 65536000);
  EXPECT_EQ(LatencyCounts::BucketOf(INT64_MAX), LatencyCounts::kBuckets - 1);
  EXPECT_EQ(LatencyCounts::BucketOf(0), 0);
  EXPECT_EQ(LatencyCounts::BucketOf(INT64_MIN), 0);
}

TEST(PublishStatsTest, AQuantileIsTheBucketOfItsMessage) {
  LatencyCounts latency;
  EXPECT_EQ(latency.BucketOfQuantile(0.5), -1);
  latency.Add(200);
  EXPECT_EQ(latency.BucketOfQuantile(0.5), 0);
  EXPECT_EQ(latency.BucketOfQuantile(0.99), 0);
  for (int i = 0; i < 98; ++i) latency.Add(900);
  latency.Add(INT64_MAX / 4);
  EXPECT_EQ(latency.messages(), 100);
  EXPECT_EQ(latency.BucketOfQuantile(0), 0);
  EXPECT_EQ(latency.BucketOfQuantile(0.5), 2);
  EXPECT_EQ(latency.BucketOfQuantile(0.99), 2);
  EXPECT_EQ(latency.BucketOfQuantile(1), LatencyCounts::kBuckets - 1);
}

TEST(PublishStatsTest, AClockThatWasSetBackTakesNothingFromTheSum) {
  LatencyCounts latency;
  latency.Add(-5);
  latency.Add(300);
  EXPECT_EQ(latency.sum_us.Get(), 300);
  EXPECT_EQ(latency.buckets[0].Get(), 1);
  EXPECT_EQ(latency.buckets[1].Get(), 1);
}

// A pipeline whose messages are of one observer, and committed at time 1,000,000.
class CountedPipelineTest : public ::testing::Test {
 protected:
  CountedPipelineTest() {
    pipeline_.SetStats(&stats_);
    now_us = 1000000;
  }

  void Publish(const std::string& id) {
    Message* message = pipeline_.Add();
    message->AddHeader("Nats-Msg-Id", id);
    message->position = {lsn_ + 50, 1, 0};
    message->commit_time_us = 1000000;
    message->counts = &observer_;
    bytes_ += message->size();
    pipeline_.Seal();
    pipeline_.EndTransaction(lsn_ += 100);
  }

  uint64_t lsn_ = 0;
  uint64_t bytes_ = 0;
  FakeBroker broker_;
  Pipeline pipeline_{&broker_, PipelineOptions{}};
  StreamCounts counts_;
  ObserverCounts observer_;
  PublishStats stats_{&counts_, [] { return now_us; }};
};

TEST_F(CountedPipelineTest, AMessageCountsWhenItIsAcknowledged) {
  for (const char* id : {"a", "b", "c"}) Publish(id);
  pipeline_.Run(0);
  EXPECT_EQ(observer_.published.Get(), 0);
  now_us += 1500;
  broker_.StoreAll();
  pipeline_.Run(1);
  EXPECT_EQ(observer_.published.Get(), 3);
  EXPECT_EQ(observer_.bytes.Get(), bytes_);
  EXPECT_EQ(observer_.last_published_us.Get(), 1001500);
  EXPECT_EQ(counts_.bytes.Get(), bytes_);
  EXPECT_EQ(counts_.latency.messages(), 3);
  EXPECT_EQ(counts_.latency.sum_us.Get(), 4500);
  EXPECT_EQ(counts_.latency.buckets[3].Get(), 3);
}

TEST_F(CountedPipelineTest, OneAcknowledgementMayBeOfSeveralMessages) {
  broker_.chained = true;
  for (const char* id : {"a", "b", "c"}) Publish(id);
  pipeline_.Run(0);
  broker_.StoreAll();
  pipeline_.Run(1);
  EXPECT_EQ(observer_.published.Get(), 3);
  EXPECT_EQ(counts_.latency.messages(), 3);
}

TEST_F(CountedPipelineTest, WhatIsFoundCountsOnceIfThisProcessHasSentIt) {
  Publish("a");
  pipeline_.Run(0);
  const ResumePoint start{pipeline_.mark()};
  broker_.StoreAll();
  broker_.replies().clear();
  broker_.Close();
  pipeline_.Run(1);
  pipeline_.Run(1000);
  EXPECT_EQ(pipeline_.found(), 1);
  EXPECT_EQ(observer_.published.Get(), 1);

  Pipeline next(&broker_, PipelineOptions{}, start);
  next.SetStats(&stats_);
  Message* message = next.Add();
  message->AddHeader("Nats-Msg-Id", "a");
  message->position = {50, 1, 0};
  message->counts = &observer_;
  next.Seal();
  next.EndTransaction(100);
  next.Run(2000);
  EXPECT_EQ(next.found(), 1);
  EXPECT_EQ(observer_.published.Get(), 1);
}

TEST_F(CountedPipelineTest, ADeadLetterIsNotPublished) {
  class Box : public DeadLetterBox {
   public:
    Status Store(const Message&, const Status&) override { return Status::Ok(); }
  } box;
  pipeline_.SetDeadLetterBox(&box);
  broker_.too_large = {"b"};
  for (const char* id : {"a", "b", "c"}) Publish(id);
  pipeline_.Run(0);
  broker_.StoreAll();
  pipeline_.Run(1);
  EXPECT_EQ(observer_.published.Get(), 2);
  EXPECT_EQ(observer_.dead_letters.Get(), 1);
  EXPECT_EQ(counts_.latency.messages(), 2);
}

}  // namespace
}  // namespace fraiseql
