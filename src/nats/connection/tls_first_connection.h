// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory>
#include <string>

#include "nats/connection/plain_connection.h"
#include "nats/connection/tls_stream.h"

namespace fraiseql::nats {

// A connection to a server that begins with the TLS handshake: we log in ourselves, too.
class TlsFirstConnection final : public PlainConnection {
 public:
  // Blocks for up to three times the connect timeout.
  static Status Make(const BrokerSettings& settings, std::unique_ptr<Connection>* connection);

 private:
  TlsFirstConnection(std::unique_ptr<TlsStream> stream, size_t max_answer)
      : PlainConnection(nullptr, max_answer), stream_(std::move(stream)) {}

  int Descriptor() const override { return stream_->socket(); }
  ssize_t Receive(char* at, size_t size) override { return stream_->Receive(at, size); }
  ssize_t Send(const char* at, size_t size) override { return stream_->Send(at, size); }
  Status ReadInfo(const BrokerSettings& settings, std::string* info);

  const std::unique_ptr<TlsStream> stream_;
};

}  // namespace fraiseql::nats
