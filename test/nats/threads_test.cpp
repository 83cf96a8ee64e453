// SPDX-License-Identifier: PostgreSQL
//
// What the process that hosts the publisher may rely on: its main thread never waits, its signals
// stay its own.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "broker_probe.h"
#include "certificates.h"
#include "nats/base/blocked_signals.h"
#include "nats_server.h"
#include "proc_self.h"
#include "tcp_proxy.h"
#include "time_limit.h"
#include "worker_loop.h"

namespace fraiseql::nats::test {
namespace {

// Whether the thread blocks all signals that can be blocked.  Two belong to the C library; SIGRTMIN
// is what a connecting thread is interrupted by.
bool TakesNoSignal(const std::string& thread_id) {
  std::ifstream status("/proc/self/task/" + thread_id + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.compare(0, 8, "SigBlk:\t") != 0) continue;
    uint64_t blocked = std::stoull(line.substr(8), nullptr, 16);
    for (const int exempt : {SIGKILL, SIGSTOP, 32, 33, SIGRTMIN})
      blocked |= uint64_t{1} << (exempt - 1);
    return blocked == ~uint64_t{0};
  }
  return true;  // it has just ended
}

// Of the threads other than the main one.
int ThreadsThatTakeSignals() {
  int count = 0;
  for (const std::string& id : Entries("/proc/self/task")) {
    if (id != std::to_string(getpid()) && !TakesNoSignal(id)) ++count;
  }
  return count;
}

// A server that takes connections, sends `greeting`, and never says another word.
class SilentServer {
 public:
  explicit SilentServer(std::string greeting)
      : greeting_(std::move(greeting)), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    listen(fd_, 8);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "nats://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    const BlockedSignals blocked;
    thread_ = std::thread([this] { Greet(); });
  }
  ~SilentServer() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
    for (const int client : clients_) close(client);
  }
  const std::string& url() const { return url_; }

 private:
  void Greet() {
    for (int fd; (fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      clients_.push_back(fd);
      send(fd, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
    }
  }

  const std::string greeting_;
  int fd_;
  std::string url_;
  std::vector<int> clients_;  // the thread's own
  std::thread thread_;
};

// Milliseconds; typically it is one or two, but the machine may have other things to do.  What must
// not be waited for takes a second or more in these tests.
constexpr int64_t kPrompt = 500;

constexpr char kTlsGreeting[] =
    "INFO {\"server_id\":\"x\",\"version\":\"2.9.10\",\"max_payload\":1048576,\"headers\":true,"
    "\"tls_required\":true}\r\n";

std::atomic<int> signals_taken{0};

// Sends SIGUSR1 to the thread that makes it, about every millisecond.
class SignalStorm {
 public:
  SignalStorm() : target_(pthread_self()) {
    struct sigaction action {};
    action.sa_handler = [](int) { ++signals_taken; };
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, &before_);
    const BlockedSignals blocked;
    thread_ = std::thread([this] {
      while (!stop_) {
        pthread_kill(target_, SIGUSR1);
        usleep(1000);
      }
    });
  }
  ~SignalStorm() {
    stop_ = true;
    thread_.join();
    sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  pthread_t target_;
  struct sigaction before_ {};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST(Threads, SignalsDoNoHarm) {
  const Certificates certificates;
  NatsServer plain;
  NatsServer tls(certificates.ServerConfig());
  for (const NatsServer* server : {&plain, &tls}) {
    BrokerSettings settings = Broker(server->url());
    if (server == &tls) settings.tls_ca_file = certificates.ca();
    WorkerLoop loop(settings);
    const SignalStorm storm;
    loop.Produce(20000);
    for (uint64_t settled = 1000; settled <= 10000; settled += 1000) {
      ASSERT_TRUE(loop.RunUntil([&] {
        return loop.settled() >= settled && loop.publisher.state() == Sink::State::kOpen;
      }));
      loop.publisher.Configure(settings, Stream());
      loop.pipeline.Restart();
    }
    ASSERT_TRUE(loop.RunUntilSettled());
    EXPECT_EQ(loop.pipeline.failures(), 0u) << loop.pipeline.trouble().message();
    EXPECT_EQ(loop.publisher.connects(), 11u);
  }
  EXPECT_GT(signals_taken, 50);
}

// Delivers, loses the broker, and returns how many threads took signals at some point.
int CountThreadsThatTakeSignals() {
  NatsServer server;
  const int others = ThreadsThatTakeSignals();  // of a sanitizer
  WorkerLoop loop(Broker(server.url()));
  EXPECT_TRUE(loop.RunUntil([&] { return loop.connecting(); }));
  int taking = ThreadsThatTakeSignals() - others;
  loop.Produce(100);
  EXPECT_TRUE(loop.RunUntilSettled());
  server.Kill();
  EXPECT_TRUE(loop.RunUntilTrouble());
  return taking + ThreadsThatTakeSignals() - others;
}

// In a process of its own, for the library's threads live as long as the process does.
TEST(ThreadsDeathTest, NoOtherThreadTakesASignal) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(_exit(CountThreadsThatTakeSignals() + (HasFailure() ? 100 : 0)),
              testing::ExitedWithCode(0), "");
}

TEST(Threads, TheMainThreadNeverWaitsForASilentServer) {
  for (const char* greeting : {"", kTlsGreeting}) {
    SilentServer server(greeting);
    BrokerSettings settings = Broker(server.url());
    settings.connect_timeout_ms = 1000;
    WorkerLoop loop(settings);
    const int64_t before = NowMs();
    ASSERT_TRUE(loop.RunUntilTrouble()) << greeting;
    EXPECT_GE(NowMs() - before, 900);
    EXPECT_LT(NowMs() - before, TimeLimit(5000));
    EXPECT_EQ(loop.pipeline.trouble().code(), StatusCode::kUnavailable);
    EXPECT_LT(loop.longest_turn_ms, TimeLimit(kPrompt));
  }
}

TEST(Threads, LeavingDoesNotWaitForAConnect) {
  for (const char* greeting : {"", kTlsGreeting}) {
    SilentServer server(greeting);
    BrokerSettings settings = Broker(server.url());
    settings.connect_timeout_ms = 10000;
    int64_t before = 0;
    {
      WorkerLoop loop(settings);
      EXPECT_FALSE(loop.RunUntil([] { return false; }, 100));
      EXPECT_TRUE(loop.connecting());
      before = NowMs();
    }
    EXPECT_LT(NowMs() - before, TimeLimit(kPrompt)) << greeting;
  }
}

TEST(Threads, TheMainThreadNeverWaitsForATlsServerThatStandsStill) {
  const Certificates certificates;
  NatsServer server(certificates.ServerConfig());
  BrokerSettings settings = Broker(server.url());
  settings.tls_ca_file = certificates.ca();
  PipelineOptions options = WorkerLoop::QuickOptions();
  options.window_messages = 100000;  // far more than fits into any buffer
  options.window_bytes = 64 << 20;
  WorkerLoop loop(settings, {}, options);
  loop.payload_bytes = 2000;
  loop.Produce(1000);
  ASSERT_TRUE(loop.RunUntilSettled());
  server.Pause();
  loop.Produce(20000);
  ASSERT_TRUE(loop.RunUntilTrouble());
  ASSERT_TRUE(loop.RunUntilTrouble());
  server.Resume();
  ASSERT_TRUE(loop.RunUntilSettled());
  EXPECT_LT(loop.longest_turn_ms, TimeLimit(kPrompt));
}

}  // namespace
}  // namespace fraiseql::nats::test
