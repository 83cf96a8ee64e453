// SPDX-License-Identifier: PostgreSQL
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

extern "C" {
#include "postgres.h"
#include "storage/fd.h"

#include "common/file_perm.h"
}

#include "core/pipeline/mark_line.h"
#include "pg/slot/mark_file.h"

namespace fraiseql::pg {

namespace {

std::string Path(const char* slot) {
  return std::string("pg_replslot/") + slot + "/fraiseql_nats.mark";
}

bool WriteAll(const char* path, const std::string& content, bool flush) {
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, pg_file_create_mode);
  if (file < 0) return false;
  const bool written =
      write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
      (!flush || pg_fsync(file) == 0);
  return close(file) == 0 && written;
}

}  // namespace

bool WriteMarkFile(const char* slot, const SettledMark& mark, bool flush) {
  const std::string path = Path(slot);
  const std::string temporary = path + ".tmp";
  if (!WriteAll(temporary.c_str(), FormatMark(mark), flush)) return false;
  return flush ? durable_rename(temporary.c_str(), path.c_str(), LOG) == 0
               : rename(temporary.c_str(), path.c_str()) == 0;
}

std::optional<SettledMark> ReadMarkFile(const char* slot) {
  const int file = open(Path(slot).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  char line[5 * 1024];  // the longest subject, and the rest
  const ssize_t size = read(file, line, sizeof(line));
  close(file);
  if (size <= 0) return {};
  return ParseMark(std::string_view(line, static_cast<size_t>(size)));
}

}  // namespace fraiseql::pg
