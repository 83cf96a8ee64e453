// SPDX-License-Identifier: PostgreSQL
#include "core/base/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace fraiseql {

namespace {

// The text of errno; unlike strerror() it is thread-safe.
FileError SystemError(std::string* reason) {
  const int error = errno;
  *reason = std::generic_category().message(error);
  return error == ENOENT ? FileError::kMissing : FileError::kUnreadable;
}

FileError ReadAll(int fd, size_t max_bytes, std::string* content, std::string* reason) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return SystemError(reason);
  if (!S_ISREG(file.st_mode)) {
    *reason = S_ISDIR(file.st_mode) ? "it is a directory" : "it is not a regular file";
    return FileError::kUnreadable;
  }
  char buffer[8192];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n == 0) return FileError::kNone;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(reason);
    if (content->size() + static_cast<size_t>(n) > max_bytes) {
      *reason = "it has more than " + std::to_string(max_bytes / 1024) + " kB";
      return FileError::kTooLarge;
    }
    content->append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace

FileError ReadRegularFile(const std::string& path, size_t max_bytes, std::string* content,
                          std::string* reason) {
  content->clear();
  // With O_NONBLOCK and O_NOCTTY, opening a FIFO or a device neither waits nor has an effect.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return SystemError(reason);
  const FileError error = ReadAll(fd, max_bytes, content, reason);
  close(fd);
  if (error != FileError::kNone) content->clear();
  return error;
}

}  // namespace fraiseql
