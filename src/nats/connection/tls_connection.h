// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory>
#include <utility>

#include "nats/connection/plain_connection.h"
#include "nats/connection/socket.h"

namespace fraiseql::nats {

// An encrypted connection, established and logged in without nats.c.
class TlsConnection final : public PlainConnection {
 public:
  // Blocks for up to three times the connect timeout.  With `tls_first` the handshake precedes the
  // server's INFO, else it follows it.
  static Status Make(const BrokerSettings& settings, std::unique_ptr<Connection>* connection);

 private:
  TlsConnection(std::unique_ptr<Socket> socket, size_t max_answer)
      : PlainConnection(nullptr, max_answer), socket_(std::move(socket)) {}

  int Descriptor() const override { return socket_->fd(); }
  ssize_t Receive(char* at, size_t size) override { return socket_->Receive(at, size); }
  ssize_t Send(const char* at, size_t size) override { return socket_->Send(at, size); }

  const std::unique_ptr<Socket> socket_;
};

}  // namespace fraiseql::nats
