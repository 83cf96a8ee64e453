// SPDX-License-Identifier: PostgreSQL
//
// However often the connection is lost and made again: nothing is left behind, no descriptor, no
// thread, no memory.
//
//   RECONNECTS   how often; 300 unless set
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "black_hole.h"
#include "broker_probe.h"
#include "nats_server.h"
#include "proc_self.h"
#include "tcp_proxy.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

constexpr int kWarmUp = 100;        // until caches and the library's own lists have their size
constexpr int kBytesPerCycle = 32;  // what a leak would certainly exceed
constexpr size_t kSlackBytes = 256 * 1024;
constexpr size_t kSlackFiles = 2;  // the proxy closes its ends a bit later

int Cycles() {
  const char* wanted = std::getenv("RECONNECTS");
  return wanted != nullptr ? std::atoi(wanted) : 300;
}

// Bytes allocated and not freed, by all threads.  0 under a sanitizer, which finds leaks itself.
size_t AllocatedBytes() {
  char* text = nullptr;
  size_t size = 0;
  FILE* file = open_memstream(&text, &size);
  malloc_info(0, file);
  fclose(file);
  const std::string info(text, size);
  free(text);
  const std::string totals = info.substr(info.rfind("</heap>") + 1);
  const auto number = [&](const std::string& type) -> size_t {
    const size_t at = totals.find(type);
    if (at == std::string::npos) return 0;  // newer C libraries have no fast bins
    return std::stoull(totals.substr(totals.find("size=\"", at) + 6));
  };
  return number("system type=\"current\"") - number("\"fast\"") - number("\"rest\"");
}

struct Holdings {
  size_t files = Entries("/proc/self/fd").size();
  size_t threads = Entries("/proc/self/task").size();
  size_t bytes = AllocatedBytes();
};

void ExpectNoGrowth(const Holdings& before, int cycles) {
  const Holdings after;
  printf("after %d cycles: files %zu -> %zu, threads %zu -> %zu, bytes %zu -> %zu\n", cycles,
         before.files, after.files, before.threads, after.threads, before.bytes, after.bytes);
  EXPECT_LE(after.files, before.files + kSlackFiles);
  EXPECT_LE(after.threads, before.threads);
  EXPECT_LE(after.bytes, before.bytes + kSlackBytes + size_t{kBytesPerCycle} * cycles);
}

// Every second connection is reset under way, every other one replaced because of a reload.
TEST(Growth, ReconnectsLeaveNothingBehind) {
  NatsServer server;
  TcpProxy proxy(server.port());
  PipelineOptions options = WorkerLoop::QuickOptions();
  options.min_delay_ms = 1;
  WorkerLoop loop(Broker(proxy.url()), {}, options);
  ASSERT_TRUE(loop.RunUntilOpen());
  const int cycles = Cycles();
  Holdings before;
  for (int i = 0; i < kWarmUp + cycles; ++i) {
    if (i == kWarmUp) before = Holdings();
    loop.Produce(3);
    if (i % 2 == 0) {
      loop.publisher.Configure(Broker(proxy.url()), Stream());
      loop.pipeline.Restart();
    } else {
      proxy.Drop();
      ASSERT_TRUE(loop.RunUntilTrouble());
    }
    ASSERT_TRUE(loop.RunUntilSettled());
    ASSERT_TRUE(loop.RunUntilOpen());  // a reset may be noticed when all is settled
  }
  ExpectNoGrowth(before, cycles);
  EXPECT_EQ(loop.publisher.connects(), static_cast<uint64_t>(kWarmUp + cycles + 1));
  EXPECT_EQ(BrokerProbe(server.url()).Messages("fraiseql_events").size(), 3u * (kWarmUp + cycles));
}

TEST(Growth, AttemptsThatFailLeaveNothingBehind) {
  PipelineOptions options = WorkerLoop::QuickOptions();
  options.min_delay_ms = options.max_delay_ms = 1;
  WorkerLoop loop(Broker("nats://127.0.0.1:" + std::to_string(FreePort())), {}, options);
  loop.Produce(10);
  const int cycles = Cycles();
  Holdings before;
  for (int i = 0; i < kWarmUp + cycles; ++i) {
    if (i == kWarmUp) before = Holdings();
    ASSERT_TRUE(loop.RunUntilTrouble());
  }
  ExpectNoGrowth(before, cycles);
}

// Each of them is interrupted, a second after the library's own limit.
TEST(Growth, AttemptsThatAreCutShortLeaveNothingBehind) {
  BlackHole hole("");
  BrokerSettings settings = Broker(hole.url());
  settings.connect_timeout_ms = 1;
  PipelineOptions options = WorkerLoop::QuickOptions();
  options.min_delay_ms = options.max_delay_ms = 1;
  WorkerLoop loop(settings, {}, options);
  loop.Produce(10);
  ASSERT_TRUE(loop.RunUntilTrouble());
  const Holdings before;
  const int cycles = Cycles() / 200;
  for (int i = 0; i < cycles; ++i) ASSERT_TRUE(loop.RunUntilTrouble());
  Holdings after;
  // Those of the hole, and of an attempt that is under way.
  EXPECT_LE(after.files, before.files + static_cast<size_t>(cycles) + kSlackFiles);
  EXPECT_LE(after.threads, before.threads);
}

}  // namespace
}  // namespace fraiseql::nats::test
