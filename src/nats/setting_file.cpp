// SPDX-License-Identifier: PostgreSQL
#include "nats/setting_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace fraiseql::nats {

namespace {

constexpr size_t kMaxBytes = 256 * 1024;  // chains of certificates are the largest of these files

Status CannotRead(std::string_view setting, const std::string& path, const std::string& reason) {
  return Status::Invalid(
      std::string(setting) + ": cannot read file \"" + path + "\": " + reason,
      "The file must exist on the database server and be readable by the user Postgres runs as.");
}

// errno, in words; unlike strerror() safe beside other threads.
std::string SystemError() { return std::generic_category().message(errno); }

}  // namespace

Status ReadSettingFile(std::string_view setting, const std::string& path, std::string* content) {
  content->clear();
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return CannotRead(setting, path, SystemError());
  Status status;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n == 0) break;
    if (n < 0) {
      status = CannotRead(setting, path, SystemError());
    } else if (content->append(buffer, static_cast<size_t>(n)).size() > kMaxBytes) {
      status = CannotRead(setting, path, "it is too large");
    }
    if (!status.ok()) break;
  }
  close(fd);
  if (!status.ok()) return status;
  content->erase(content->find_last_not_of(" \t\r\n") + 1);
  if (content->empty()) return CannotRead(setting, path, "it is empty");
  return status;
}

}  // namespace fraiseql::nats
