// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/pipeline/pipeline.h"
#include "nats/base/broker_settings.h"
#include "nats/publish/publisher.h"
#include "broker_probe.h"

namespace fraiseql::nats::test {

int64_t NowMs();

BrokerSettings Broker(const std::string& url);
// With the origin of a WorkerLoop's messages.
StreamSettings Stream(StreamSettings stream = {});

// The part of the worker that these tests are about: a pipeline and a publisher, driven by one
// thread.  Its messages are numbered: message n is its own transaction, which commits at LSN 2n,
// has the id "n" and a payload that begins with "n ".  Where the stream is to allow batches, it has
// the id "t.n", in Fraiseql-Id.
class WorkerLoop {
 public:
  explicit WorkerLoop(BrokerSettings broker, const StreamSettings& stream = {},
                      const PipelineOptions& options = QuickOptions(),
                      const ResumePoint& start = {});

  // Makes more messages as room permits, `count` altogether.
  void Produce(uint64_t count) { wanted_ += count; }
  // Makes those that there is room for, as they are to be now.
  void Fill();
  // The next message is `number`: those before were another process's, which has settled them.
  void BeginWith(uint64_t number) { produced_ = wanted_ = number - 1; }

  // Until `done` is true; false if it is not within the time limit.
  bool RunUntil(const std::function<bool()>& done, int64_t limit_ms = 10000);
  // Until all messages asked for are settled.
  bool RunUntilSettled(int64_t limit_ms = 20000);
  bool RunUntilOpen(int64_t limit_ms = 10000);
  // Until the pipeline has met trouble (again); true if that is so.
  bool RunUntilTrouble(int64_t limit_ms = 10000);

  bool connecting() const {
    return publisher.state() == Sink::State::kOpening && publisher.socket() < 0;
  }
  // The last message that is settled.
  uint64_t settled() const { return pipeline.window().settled_lsn() / 2; }
  // Where another one would go on.
  ResumePoint resume_point() const;
  // The batch that was noted last.
  BatchMark batch;

  static constexpr char kOrigin[] = "t";

  static PipelineOptions QuickOptions();

  Publisher publisher;
  Pipeline pipeline;
  std::string subject = "fraiseql.test.row";
  std::string extra_headers;
  size_t payload_bytes = 100;
  uint32_t attempts = 0;

  // The longest time between two waits.
  int64_t longest_turn_ms = 0;

 private:
  void Wait(int64_t limit_ms);

  const bool batches_;
  uint64_t wanted_ = 0;
  uint64_t produced_ = 0;
};

// The numbers of a loop's messages in the stream, in its order.
std::vector<int> Numbers(BrokerProbe* probe);
std::vector<int> UpTo(int last);  // 1, 2, ...

}  // namespace fraiseql::nats::test
