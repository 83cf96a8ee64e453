// SPDX-License-Identifier: PostgreSQL
#include "black_hole.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace fraiseql::nats::test {

BlackHole::BlackHole(std::string greeting)
    : greeting_(std::move(greeting)), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd_, 8) != 0 ||
      getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  url_ = "nats://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  thread_ = std::thread([this] { Greet(); });
}

BlackHole::~BlackHole() {
  shutdown(fd_, SHUT_RDWR);
  thread_.join();
  close(fd_);
  for (const int client : clients_) close(client);
}

void BlackHole::Greet() {
  for (int fd; (fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    clients_.push_back(fd);
    send(fd, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
  }
}

}  // namespace fraiseql::nats::test
