// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace fraiseql::nats::test {

// A TCP hop in front of a server that breaks connections on demand.
class TcpProxy {
 public:
  explicit TcpProxy(int server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }

  // Resets (RST) all connections; what they had not passed on yet is lost.
  void Drop() { drop_ = true; }

 private:
  struct Pair {
    int client;
    int server;
  };
  void Run();
  void Accept();
  static bool Relay(int from, int to);

  int server_port_;
  int port_ = 0;
  int listener_ = -1;
  std::vector<Pair> pairs_;  // the thread's own
  std::atomic<bool> drop_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace fraiseql::nats::test
