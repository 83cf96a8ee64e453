// SPDX-License-Identifier: PostgreSQL
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

extern "C" {
#include "postgres.h"

#include "common/file_perm.h"
#include "port/pg_crc32c.h"
}

#include "core/number.h"
#include "pg/mark_file.h"

namespace fraiseql::pg {

namespace {

// One line:  1 <stream's time of creation> <sequence> <checksum of what is before it>
constexpr char kVersion[] = "1 ";

std::string Path(const char* slot) {
  return std::string("pg_replslot/") + slot + "/fraiseql_nats.mark";
}

uint32 Checksum(std::string_view text) {
  pg_crc32c crc;
  INIT_CRC32C(crc);
  COMP_CRC32C(crc, text.data(), text.size());
  FIN_CRC32C(crc);
  return crc;
}

std::string Format(const StreamMark& mark) {
  std::string line = kVersion + mark.stream + " ";
  AppendDecimal(mark.sequence, &line);
  line.push_back(' ');
  AppendDecimal(Checksum(std::string_view(line.data(), line.size() - 1)), &line);
  line.push_back('\n');
  return line;
}

std::optional<StreamMark> Parse(std::string_view line) {
  const size_t last = line.rfind(' ');
  if (last == std::string_view::npos || line.back() != '\n') return {};
  const std::string_view text = line.substr(0, last);
  uint32 checksum = 0;
  if (!ReadDecimal(line.substr(last + 1), &checksum) || checksum != Checksum(text)) return {};
  const size_t first = sizeof(kVersion) - 1;
  const size_t middle = text.rfind(' ');
  if (text.substr(0, first) != kVersion || middle < first) return {};
  StreamMark mark;
  mark.stream.assign(text.substr(first, middle - first));
  if (!ReadDecimal(text.substr(middle + 1), &mark.sequence)) return {};
  return mark;
}

bool WriteAll(const char* path, const std::string& content) {
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, pg_file_create_mode);
  if (file < 0) return false;
  const bool written =
      write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  return close(file) == 0 && written;
}

}  // namespace

bool WriteMarkFile(const char* slot, const StreamMark& mark) {
  const std::string path = Path(slot);
  const std::string temporary = path + ".tmp";
  return WriteAll(temporary.c_str(), Format(mark)) && rename(temporary.c_str(), path.c_str()) == 0;
}

std::optional<StreamMark> ReadMarkFile(const char* slot) {
  const int file = open(Path(slot).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  char line[512];
  const ssize_t size = read(file, line, sizeof(line));
  close(file);
  if (size <= 0) return {};
  return Parse(std::string_view(line, static_cast<size_t>(size)));
}

}  // namespace fraiseql::pg
