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

// A TCP connection to a server, which can become an encrypted one at any moment.
class Socket {
 public:
  // Blocks for up to the connect timeout and a name lookup.  REQUIRES: all signals are blocked, but
  // one that is to interrupt it; the URL is of one server.
  static Status Connect(const BrokerSettings& settings, std::unique_ptr<Socket>* made);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // From here on in TLS; blocks until then, up to the time of SteadyMs().
  Status StartTls(const BrokerSettings& settings, int64_t deadline_ms);

  int fd() const { return fd_; }

  // As recv() and send() of a socket that does not block.  Received into a buffer of 16 kB or more,
  // nothing that has come is left where poll() does not see it.
  ssize_t Receive(char* at, size_t size);
  ssize_t Send(const char* at, size_t size);

 private:
  Socket() = default;
  ssize_t ResultOf(int result);

  int fd_ = -1;
  std::string host_;
  ssl_st* ssl_ = nullptr;  // null: in clear
};

}  // namespace fraiseql::nats
