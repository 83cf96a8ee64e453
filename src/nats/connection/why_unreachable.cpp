// SPDX-License-Identifier: PostgreSQL
#include "nats/connection/why_unreachable.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace fraiseql::nats {

namespace {

constexpr char kDefaultPort[] = "4222";

// Splits scheme://user:password@host:port or ...@[::1]:port.
void SplitHostAndPort(std::string_view url, std::string* host, std::string* port) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const size_t user = url.rfind('@');
  if (user != std::string_view::npos) url.remove_prefix(user + 1);
  url = url.substr(0, url.find('/'));
  const size_t bracket = url.rfind(']');
  const size_t colon = url.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view name = url.substr(0, colon);
  if (bracket != std::string_view::npos) name = url.substr(1, bracket - 1);
  *host = std::string(name);
  *port = colon == std::string_view::npos ? kDefaultPort : std::string(url.substr(colon + 1));
}

std::string Text(int error) { return std::generic_category().message(error); }

// 0 and a socket in `*connected`, or errno.
int TryToConnect(const addrinfo& address, int timeout_ms, int* connected) {
  const int made = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) return errno;
  int error = 0;
  if (connect(made, address.ai_addr, address.ai_addrlen) != 0) error = errno;
  if (error == EINPROGRESS) {
    pollfd waiting{made, POLLOUT, 0};
    const int ready = poll(&waiting, 1, timeout_ms);
    socklen_t size = sizeof(error);
    if (ready > 0) {
      getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &size);
    } else {
      error = ready == 0 ? ETIMEDOUT : errno;
    }
  }
  if (error == 0) {
    *connected = made;
  } else {
    close(made);
  }
  return error;
}

}  // namespace

int ConnectSocket(std::string_view url, int timeout_ms, std::string* host, std::string* why) {
  std::string port;
  SplitHostAndPort(url, host, &port);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int lookup = getaddrinfo(host->c_str(), port.c_str(), &wanted, &found);
  if (lookup != 0) {
    *why = "host name cannot be looked up: " +
           (lookup == EAI_SYSTEM ? Text(errno) : std::string(gai_strerror(lookup)));
    return -1;
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  int error = 0;
  int connected = -1;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    error = TryToConnect(*one, timeout_ms, &connected);
    if (error == 0) return connected;
  }
  *why = Text(error);
  return -1;
}

std::string WhyUnreachable(std::string_view url, int timeout_ms) {
  std::string host;
  std::string why;
  const int connected = ConnectSocket(url, timeout_ms, &host, &why);
  if (connected >= 0) close(connected);
  return why;
}

}  // namespace fraiseql::nats
