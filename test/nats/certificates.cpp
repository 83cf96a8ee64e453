// SPDX-License-Identifier: PostgreSQL
#include "certificates.h"

#include <cstdlib>

namespace fraiseql::nats::test {

namespace {
constexpr char kNewKey[] = " -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ";
}

Certificates::Certificates(const std::string& server_names) {
  Run(std::string("req -x509 -days 2 -subj /CN=test-ca") + kNewKey + "-keyout ca.key -out ca.pem");
  MakeSigned("server", "subjectAltName=" + server_names);
  MakeSigned("client", "extendedKeyUsage=clientAuth");
}

std::string Certificates::ServerConfig(bool verify) const {
  return "tls: {cert_file: \"" + server_cert() + "\", key_file: \"" + server_key() +
         "\", ca_file: \"" + ca() + "\", verify: " + (verify ? "true" : "false") + "}\n";
}

void Certificates::MakeSigned(const std::string& name, const std::string& extensions) const {
  dir_.Write(name + ".ext", extensions + "\n");
  Run("req -new -subj /CN=" + name + kNewKey + "-keyout " + name + ".key -out " + name + ".csr");
  Run("x509 -req -days 2 -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -out " +
      name + ".pem -extfile " + name + ".ext");
}

void Certificates::Run(const std::string& openssl_arguments) const {
  const std::string command =
      "cd " + dir_.path() + " && openssl " + openssl_arguments + " >openssl.log 2>&1";
  if (std::system(command.c_str()) != 0) std::abort();
}

}  // namespace fraiseql::nats::test
