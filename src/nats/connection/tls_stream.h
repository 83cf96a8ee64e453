// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>

#include "core/base/status.h"
#include "nats/base/broker_settings.h"

struct ssl_st;  // SSL of OpenSSL

namespace fraiseql::nats {

// A connection that is encrypted from its first byte.  nats.c before 3.9 makes none: it waits for
// the server to speak in clear first.
class TlsStream {
 public:
  // Name lookup, TCP and the handshake; the handshake blocks for up to the connect timeout.
  // REQUIRES: all signals are blocked, but one that is to interrupt it; the URL is of one server.
  static Status Connect(const BrokerSettings& settings, std::unique_ptr<TlsStream>* stream);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  int socket() const { return socket_; }

  // As recv() and send() of a socket that does not block.  Received into a buffer of 16 kB or more,
  // nothing that has come is left where poll() does not see it.
  ssize_t Receive(char* at, size_t size);
  ssize_t Send(const char* at, size_t size);

 private:
  TlsStream() = default;
  Status Handshake(const BrokerSettings& settings, const std::string& host, int64_t deadline_ms);
  ssize_t ResultOf(int result);

  int socket_ = -1;
  ssl_st* ssl_ = nullptr;
};

}  // namespace fraiseql::nats
