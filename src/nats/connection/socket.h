// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

struct ssl_st;  // SSL of OpenSSL

namespace fraiseql::nats {

// A TCP connection to a server, which can switch to TLS at any time.
class Socket {
 public:
  // Blocks for up to the connect timeout and a name lookup.  REQUIRES: all signals are blocked,
  // except one to interrupt it; the URL names one server.
  static Status Connect(const BrokerSettings& settings, std::unique_ptr<Socket>* made);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Performs the TLS handshake; blocks until `deadline_ms` of SteadyMs() at most.
  Status StartTls(const BrokerSettings& settings, int64_t deadline_ms);

  int fd() const { return fd_; }

  // As recv() and send() of a non-blocking socket.  With a buffer of 16 kB or more, Receive()
  // leaves no decrypted data in OpenSSL, where poll() does not see it.
  ssize_t Receive(char* at, size_t size);
  ssize_t Send(const char* at, size_t size);

 private:
  Socket() = default;
  ssize_t ResultOf(int result);

  int fd_ = -1;
  std::string host_;
  ssl_st* ssl_ = nullptr;  // null: not encrypted
};

}  // namespace fraiseql::nats
