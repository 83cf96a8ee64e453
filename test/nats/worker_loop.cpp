// SPDX-License-Identifier: PostgreSQL
#include "worker_loop.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "nats/base/clock.h"
#include "time_limit.h"

namespace fraiseql::nats::test {

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

BrokerSettings Broker(const std::string& url) {
  BrokerSettings settings;
  settings.url = url;
  return settings;
}

PipelineOptions WorkerLoop::QuickOptions() {
  PipelineOptions options;
  options.window_messages = 1024;
  options.ack_timeout_ms = 1000;
  options.max_delay_ms = 100;
  return options;
}

StreamSettings Stream(StreamSettings stream) {
  stream.origin = WorkerLoop::kOrigin;
  return stream;
}

WorkerLoop::WorkerLoop(BrokerSettings broker, const StreamSettings& stream,
                       const PipelineOptions& options, const ResumePoint& start)
    : batch(start.batch),
      publisher(std::move(broker), Stream(stream)),
      pipeline(&publisher, options, start),
      batches_(stream.allows_batches) {}

ResumePoint WorkerLoop::resume_point() const {
  const StreamMark mark = pipeline.mark();
  return {mark, mark.sequence, pipeline.window().settled_lsn(), {}, 2 * produced_ + 1, {}, batch};
}

bool WorkerLoop::RunUntil(const std::function<bool()>& done, int64_t limit_ms) {
  const int64_t end = NowMs() + TimeLimit(limit_ms);
  for (;;) {
    Fill();
    const int64_t now = NowMs();
    if (now >= end) return false;
    publisher.Tick(now);
    do {
      pipeline.Run(now);
      if (pipeline.has_new_batch()) {
        batch = pipeline.BatchToNote();
        pipeline.BatchNoted(true);
      }
      if (publisher.wants_write()) publisher.OnSocket(false, true);
    } while (pipeline.HasWork());
    longest_turn_ms = std::max(longest_turn_ms, NowMs() - now);
    if (done()) return true;
    Wait(end - now);
    pipeline.Run(NowMs());  // what has come may make room to fill
  }
}

bool WorkerLoop::RunUntilSettled(int64_t limit_ms) {
  return RunUntil([this] { return settled() == wanted_; }, limit_ms);
}

bool WorkerLoop::RunUntilOpen(int64_t limit_ms) {
  return RunUntil([this] { return publisher.state() == Sink::State::kOpen; }, limit_ms);
}

bool WorkerLoop::RunUntilTrouble(int64_t limit_ms) {
  const uint64_t before = pipeline.failures();
  return RunUntil([this, before] { return pipeline.failures() > before; }, limit_ms);
}

void WorkerLoop::Fill() {
  while (produced_ < wanted_ && pipeline.HasRoom()) {
    Message* message = pipeline.Add();
    const std::string number = std::to_string(++produced_);
    message->subject = subject;
    message->attempts = attempts;
    message->commit_time_us = WallClockUs();
    message->position = {2 * produced_, 1, 0};
    if (batches_) {
      message->AddHeader("Fraiseql-Id", std::string(kOrigin) + "." + number);
    } else {
      message->AddHeader("Nats-Msg-Id", number);
      message->AddHeader("Fraiseql-Origin", kOrigin);
    }
    message->headers += "Fraiseql-Position: ";
    AppendPosition(message->position, &message->headers);
    message->headers += "\r\n";
    message->headers += extra_headers;
    message->payload = number + " ";
    message->payload.resize(std::max(payload_bytes, message->payload.size()), 'x');
    pipeline.Seal();
    pipeline.EndTransaction(2 * produced_ + 1);
  }
}

void WorkerLoop::Wait(int64_t limit_ms) {
  int64_t wait = limit_ms;
  const int64_t before = NowMs();
  for (const int64_t ms : {publisher.WaitMs(before), pipeline.WaitMs(before)}) {
    if (ms >= 0) wait = std::min(wait, ms);
  }
  const short events = static_cast<short>(POLLIN | (publisher.wants_write() ? POLLOUT : 0));
  pollfd fds[] = {{publisher.wake_fd(), POLLIN, 0}, {publisher.socket(), events, 0}};
  if (poll(fds, 2, static_cast<int>(wait)) <= 0) return;
  const int64_t woken = NowMs();
  if (fds[0].revents != 0) publisher.OnWake();
  if (fds[1].revents != 0) {
    publisher.OnSocket((fds[1].revents & ~POLLOUT) != 0, (fds[1].revents & POLLOUT) != 0);
  }
  longest_turn_ms = std::max(longest_turn_ms, NowMs() - woken);
}

std::vector<int> Numbers(BrokerProbe* probe) {
  std::vector<int> numbers;
  for (const auto& stored : probe->Messages("fraiseql_events")) {
    if (stored.subject == "fraiseql.test.row") numbers.push_back(std::stoi(stored.payload));
  }
  return numbers;
}

std::vector<int> UpTo(int last) {
  std::vector<int> numbers;
  for (int i = 1; i <= last; ++i) numbers.push_back(i);
  return numbers;
}

}  // namespace fraiseql::nats::test
