// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace fraiseql::nats {

// An event that one thread raises and another waits for with poll() or in a wait set.  It stays
// raised until it is cleared.  Any thread.
class EventFd {
 public:
  EventFd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~EventFd() {
    if (fd_ >= 0) close(fd_);
  }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;

  int fd() const { return fd_; }  // -1: no file descriptor was available

  bool raised() const {
    pollfd fd = {fd_, POLLIN, 0};
    return poll(&fd, 1, 0) == 1;
  }
  void Raise() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
  }
  void Clear() {
    uint64_t count;
    [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof(count));
  }

 private:
  int fd_;
};

}  // namespace fraiseql::nats
