// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <thread>
#include <vector>

namespace fraiseql::nats::test {

// A server that takes connections, sends `greeting`, and never says another word.
class BlackHole {
 public:
  // How a NATS server begins that wants a TLS handshake.
  static constexpr char kTlsGreeting[] =
      "INFO {\"server_id\":\"x\",\"version\":\"2.9.10\",\"max_payload\":1048576,"
      "\"headers\":true,\"tls_required\":true}\r\n";

  explicit BlackHole(std::string greeting);
  ~BlackHole();
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;

  const std::string& url() const { return url_; }

 private:
  void Greet();

  const std::string greeting_;
  int fd_;
  std::string url_;
  std::vector<int> clients_;  // the thread's own
  std::thread thread_;
};

}  // namespace fraiseql::nats::test
