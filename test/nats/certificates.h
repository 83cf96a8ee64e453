// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>

#include "nats_server.h"

namespace fraiseql::nats::test {

// An authority, and certificates by it for a server and a client; made with the openssl command.
class Certificates {
 public:
  explicit Certificates(const std::string& server_names = "DNS:localhost,IP:127.0.0.1");

  std::string ca() const { return dir_.path() + "/ca.pem"; }
  std::string server_cert() const { return dir_.path() + "/server.pem"; }
  std::string server_key() const { return dir_.path() + "/server.key"; }
  std::string client_cert() const { return dir_.path() + "/client.pem"; }
  std::string client_key() const { return dir_.path() + "/client.key"; }

  // The section of a server's configuration; with `verify` clients need a certificate.
  std::string ServerConfig(bool verify = false) const;

 private:
  void Run(const std::string& openssl_arguments) const;
  void MakeSigned(const std::string& name, const std::string& extensions) const;

  TempDir dir_;
};

}  // namespace fraiseql::nats::test
