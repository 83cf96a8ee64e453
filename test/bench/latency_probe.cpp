// SPDX-License-Identifier: PostgreSQL
//
// How long after its commit a message is stored, and how long after it a subscriber has it.
//
//   latency_probe URL STREAM
//
// Subscribes to all new messages of the stream through an ephemeral push consumer, says "ready",
// and at the end of its input prints count, then median, 95 %, 99 % and maximum, in microseconds,
// of commit -> stored (the stream's own time stamp) and of commit -> callback.
#include <nats/nats.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <vector>

namespace {

constexpr int64_t kWarmUpUs = 1000000;  // connections are made, plans and caches filled

void Check(natsStatus status, const char* what) {
  if (status == NATS_OK) return;
  std::fprintf(stderr, "latency_probe: %s: %s\n", what, natsStatus_GetText(status));
  std::exit(1);
}

int64_t NowUs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
}

// Of a time such as 2026-01-15T10:30:00.123456Z, in microseconds since 1970.
int64_t ParseTime(const char* text) {
  tm time{};
  int us = 0;
  if (std::sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ", &time.tm_year, &time.tm_mon, &time.tm_mday,
                  &time.tm_hour, &time.tm_min, &time.tm_sec, &us) != 7) {
    return 0;
  }
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return static_cast<int64_t>(timegm(&time)) * 1000000 + us;
}

// Filled by the library's thread, read when the input has ended.
struct Samples {
  std::mutex mutex;
  int64_t first_us = 0;
  std::vector<int64_t> stored;
  std::vector<int64_t> received;
};

void OnMessage(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  const int64_t now = NowUs();
  auto* samples = static_cast<Samples*>(closure);
  const char* commit_time = nullptr;
  jsMsgMetaData* meta = nullptr;
  if (natsMsgHeader_Get(message, "Fraiseql-Commit-Time", &commit_time) == NATS_OK &&
      natsMsg_GetMetaData(&meta, message) == NATS_OK) {
    const int64_t committed = ParseTime(commit_time);
    const std::lock_guard<std::mutex> lock(samples->mutex);
    if (samples->first_us == 0) samples->first_us = now;
    if (now - samples->first_us >= kWarmUpUs) {
      samples->stored.push_back(meta->Timestamp / 1000 - committed);
      samples->received.push_back(now - committed);
    }
    jsMsgMetaData_Destroy(meta);
  }
  natsMsg_Destroy(message);
}

void Print(std::vector<int64_t>* values) {
  std::sort(values->begin(), values->end());
  const auto at = [&](size_t percent) {
    return static_cast<long>(
        (*values)[std::min(values->size() - 1, values->size() * percent / 100)]);
  };
  std::printf("%ld %ld %ld %ld\n", at(50), at(95), at(99), at(100));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: latency_probe URL STREAM\n");
    return 2;
  }
  natsConnection* connection = nullptr;
  jsCtx* stream = nullptr;
  natsSubscription* subscription = nullptr;
  Samples samples;
  jsSubOptions options;
  Check(natsConnection_ConnectTo(&connection, argv[1]), "connect");
  Check(natsConnection_JetStream(&stream, connection, nullptr), "JetStream");
  Check(jsSubOptions_Init(&options), "options");
  options.Stream = argv[2];
  options.Config.DeliverPolicy = js_DeliverNew;
  options.Config.AckPolicy = js_AckNone;
  Check(js_Subscribe(&subscription, stream, "fraiseql.>", OnMessage, &samples, nullptr, &options,
                     nullptr),
        "subscribe");
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  const std::lock_guard<std::mutex> lock(samples.mutex);
  std::printf("%zu\n", samples.stored.size());
  if (!samples.stored.empty()) {
    Print(&samples.stored);
    Print(&samples.received);
  }
  std::fflush(stdout);
  std::_Exit(0);
}
