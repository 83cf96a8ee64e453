// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/socket.h"

#include <arpa/inet.h>
#include <nats/nats.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "nats/base/clock.h"
#include "nats/connection/library_session.h"
#include "nats/connection/nats_status.h"
#include "nats/connection/why_unreachable.h"

namespace fraiseql::nats {

namespace {

// OpenSSL's text for the last failure in this thread.
std::string OpenSslError(const BrokerSettings& settings) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "the connection was closed during the TLS handshake";
  if (settings.tls_first && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
    return "the server does not begin with TLS: it needs no fraiseql_nats.tls_first";
  }
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "TLS error " + std::to_string(code);
}

Status TlsFailure(const BrokerSettings& settings, const std::string& detail) {
  return ConnectFailure(NATS_SSL_ERROR, detail, settings.url);
}

bool IsAddress(const std::string& host) {
  in6_addr any{};
  return inet_pton(AF_INET, host.c_str(), &any) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

// Loads the CAs and the client certificate of the settings.
bool Configure(SSL_CTX* context, const BrokerSettings& settings) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // A write that would block is repeated with a longer buffer, at another address.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context, settings.tls_verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  const bool authorities =
      settings.tls_ca_file.empty()
          ? SSL_CTX_set_default_verify_paths(context) == 1
          : SSL_CTX_load_verify_locations(context, settings.tls_ca_file.c_str(), nullptr) == 1;
  if (!authorities || settings.tls_cert_file.empty()) return authorities;
  return SSL_CTX_use_certificate_chain_file(context, settings.tls_cert_file.c_str()) == 1 &&
         SSL_CTX_use_PrivateKey_file(context, settings.tls_key_file.c_str(), SSL_FILETYPE_PEM) == 1;
}

// Sets the host that the server's certificate must be for.
bool ExpectHost(SSL* ssl, const std::string& host) {
  if (IsAddress(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace

Status Socket::Connect(const BrokerSettings& settings, std::unique_ptr<Socket>* made) {
  std::unique_ptr<Socket> socket(new Socket);
  std::string why;
  socket->fd_ = ConnectSocket(settings.url, settings.connect_timeout_ms, &socket->host_, &why);
  if (socket->fd_ < 0) return ConnectFailure(NATS_NO_SERVER, why, settings.url);
  LibrarySession::KeepAlive(socket->fd_);
  *made = std::move(socket);
  return Status::Ok();
}

Status Socket::StartTls(const BrokerSettings& settings, int64_t deadline_ms) {
  ERR_clear_error();
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  const bool configured = context != nullptr && Configure(context, settings);
  if (configured) ssl_ = SSL_new(context);
  SSL_CTX_free(context);  // ssl_ holds its own reference
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd_) != 1 || !ExpectHost(ssl_, host_)) {
    return TlsFailure(settings, OpenSslError(settings));
  }
  for (;;) {
    const int result = SSL_connect(ssl_);
    if (result == 1) return Status::Ok();
    const int error = SSL_get_error(ssl_, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      const long verified = SSL_get_verify_result(ssl_);
      if (settings.tls_verify && verified != X509_V_OK) {
        ERR_clear_error();
        return TlsFailure(settings, X509_verify_cert_error_string(verified));
      }
      return TlsFailure(settings, OpenSslError(settings));
    }
    pollfd fd = {fd_, static_cast<short>(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
    const int64_t left = deadline_ms - SteadyMs();
    if (left <= 0 || poll(&fd, 1, static_cast<int>(left)) <= 0) return ConnectTimeout(settings.url);
  }
}

Socket::~Socket() {
  SSL_free(ssl_);
  if (fd_ >= 0) close(fd_);
}

ssize_t Socket::Receive(char* at, size_t size) {
  if (ssl_ == nullptr) return recv(fd_, at, size, 0);
  ERR_clear_error();
  return ResultOf(SSL_read(ssl_, at, static_cast<int>(std::min<size_t>(size, INT_MAX))));
}

ssize_t Socket::Send(const char* at, size_t size) {
  if (ssl_ == nullptr) return send(fd_, at, size, MSG_NOSIGNAL);
  ERR_clear_error();
  return ResultOf(SSL_write(ssl_, at, static_cast<int>(std::min<size_t>(size, INT_MAX))));
}

ssize_t Socket::ResultOf(int result) {
  if (result > 0) return result;
  const int system_error = errno;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SYSCALL:
      errno = system_error != 0 ? system_error : ECONNRESET;
      break;
    default:
      errno = EPROTO;
  }
  ERR_clear_error();
  return -1;
}

}  // namespace fraiseql::nats
