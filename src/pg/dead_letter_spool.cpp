// SPDX-License-Identifier: PostgreSQL
#include <cinttypes>

extern "C" {
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/timestamp.h"
}

#include "pg/dead_letter_spool.h"
#include "pg/unix_time.h"

namespace fraiseql::pg {

namespace {

constexpr char kDirectory[] = "fraiseql_nats";
constexpr char kSuffix[] = ".dead_letters";
constexpr size_t kFrameHeader = sizeof(uint64_t) + sizeof(pg_crc32c);
constexpr size_t kKeptCapacity = 64 * 1024;

std::string PathOf(Oid database) {
  return std::string(kDirectory) + "/" + std::to_string(database) + kSuffix;
}

pg_crc32c Checksum(const char* data, size_t size) {
  pg_crc32c crc;
  INIT_CRC32C(crc);
  COMP_CRC32C(crc, data, size);
  FIN_CRC32C(crc);
  return crc;
}

bool WriteAll(int file, const std::string& data, off_t at) {
  for (size_t done = 0; done < data.size();) {
    errno = 0;
    const ssize_t written =
        pwrite(file, data.data() + done, data.size() - done, at + static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (errno == 0) errno = ENOSPC;
      return false;
    }
    done += static_cast<size_t>(written);
  }
  return true;
}

bool ReadAll(int file, char* data, size_t size, off_t at) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = pread(file, data + done, size - done, at + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<size_t>(got);
  }
  return true;
}

[[noreturn]] void RaiseFileError(const char* action, const std::string& path) {
  ereport(ERROR, (errcode_for_file_access(),
                  errmsg("could not %s file \"%s\": %m", action, path.c_str())));
  pg_unreachable();
}

}  // namespace

DeadLetterSpool::DeadLetterSpool(Oid database) : path_(PathOf(database)) {}

Status DeadLetterSpool::Open() {
  const bool made = MakePGDirectory(kDirectory) == 0;
  if (file_ < 0 && (made || errno == EEXIST)) {
    file_ = BasicOpenFile(path_.c_str(), O_RDWR | O_CREAT | PG_BINARY);
    if (file_ >= 0) ReserveExternalFD();
  }
  struct stat status;
  if (file_ < 0 || fsync_fname_ext(kDirectory, true, false, LOG) != 0 ||
      fsync_fname_ext(".", true, false, LOG) != 0 || fstat(file_, &status) != 0) {
    return FileTrouble("open");
  }
  while (ReadFrame(end_)) end_ += static_cast<off_t>(frame_.size());
  if (status.st_size == end_) return Status::Ok();
  ereport(LOG, (errmsg("file \"%s\" ends with an unfinished dead letter", path_.c_str()),
                errdetail("Its message was not settled, and is published again.")));
  return ftruncate(file_, end_) == 0 ? Status::Ok() : FileTrouble("truncate");
}

// What errno says of the file.
Status DeadLetterSpool::FileTrouble(const char* action) const {
  const std::string error = strerror(errno);
  return Status::Unavailable(
      "could not " + std::string(action) + " file \"" + path_ + "\" for dead letters: " + error,
      "See to the file system of the data directory; it is tried again.");
}

// Reads the frame at `at` into frame_; false if there is no whole one.
bool DeadLetterSpool::ReadFrame(off_t at) {
  char header[kFrameHeader];
  struct stat status;
  uint64_t length = 0;
  pg_crc32c crc = 0;
  if (!ReadAll(file_, header, sizeof(header), at) || fstat(file_, &status) != 0) return false;
  memcpy(&length, header, sizeof(length));
  memcpy(&crc, header + sizeof(length), sizeof(crc));
  const off_t begin = at + static_cast<off_t>(kFrameHeader);
  if (length > static_cast<uint64_t>(status.st_size - begin)) return false;
  frame_.assign(header, sizeof(header));
  frame_.resize(kFrameHeader + static_cast<size_t>(length));
  char* record = frame_.data() + kFrameHeader;
  return ReadAll(file_, record, static_cast<size_t>(length), begin) &&
         EQ_CRC32C(crc, Checksum(record, static_cast<size_t>(length)));
}

Status DeadLetterSpool::Keep(const Message& message, const Status& reason) {
  frame_.assign(kFrameHeader, '\0');
  AppendDeadLetter(message, reason, GetCurrentTimestamp() + kPostgresToUnixUs, &frame_);
  const uint64_t length = frame_.size() - kFrameHeader;
  const pg_crc32c crc = Checksum(frame_.data() + kFrameHeader, static_cast<size_t>(length));
  memcpy(frame_.data(), &length, sizeof(length));
  memcpy(frame_.data() + sizeof(length), &crc, sizeof(crc));
  const bool first = empty();
  Status kept = Append();
  if (frame_.capacity() > kKeptCapacity) std::string().swap(frame_);
  if (!kept.ok()) return kept;
  last_reason_ = reason;
  if (first) Log(message);
  return kept;
}

// One line for all that are written before the next move to the table, which is told, too.
void DeadLetterSpool::Log(const Message& message) const {
  ereport(LOG, (errmsg("message is a dead letter: %s", last_reason_.message().c_str()),
                errdetail("Its subject is \"%.200s\", its payload has %zu bytes.",
                          message.subject.c_str(), message.payload.size()),
                last_reason_.hint().empty() ? 0 : errhint("%s", last_reason_.hint().c_str())));
}

Status DeadLetterSpool::Append() {
  if (!WriteAll(file_, frame_, end_)) {
    Status trouble = FileTrouble("write");
    // Should this fail, too: what stands behind the end is written over, or cut off as unfinished.
    if (ftruncate(file_, end_) != 0) errno = 0;
    return trouble;
  }
  end_ += static_cast<off_t>(frame_.size());
  dirty_ = true;
  return Status::Ok();
}

void DeadLetterSpool::Sync() {
  if (!dirty_) return;
  if (pg_fsync(file_) != 0) RaiseFileError("fsync", path_);
  dirty_ = false;
}

bool DeadLetterSpool::Read(DeadLetterRecord* record) {
  if (frame_.capacity() > kKeptCapacity) std::string().swap(frame_);
  if (read_ == end_) return false;
  if (!ReadFrame(read_) ||
      !ParseDeadLetter(std::string_view(frame_).substr(kFrameHeader), record)) {
    ereport(ERROR,
            (errcode(ERRCODE_DATA_CORRUPTED), errmsg("file \"%s\" is damaged", path_.c_str()),
             errdetail("There is no valid dead letter at byte %" PRId64 ".",
                       static_cast<int64_t>(read_))));
  }
  read_ += static_cast<off_t>(frame_.size());
  return true;
}

void DeadLetterSpool::Forget() {
  stored_ = read_;
  if (!empty()) return;
  if (ftruncate(file_, 0) != 0 || pg_fsync(file_) != 0) RaiseFileError("truncate", path_);
  stored_ = read_ = end_ = 0;
  dirty_ = false;
}

void RemoveDeadLetterSpool(Oid database) {
  const std::string path = PathOf(database);
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return;
  ereport(LOG,
          (errcode_for_file_access(), errmsg("could not remove file \"%s\": %m", path.c_str())));
}

void RemoveDeadLetterSpools(bool (*exists)(Oid database, const void* argument),
                            const void* argument) {
  DIR* directory = AllocateDir(kDirectory);
  if (directory == nullptr) return;
  while (const dirent* entry = ReadDirExtended(directory, kDirectory, LOG)) {
    char* end = nullptr;
    const unsigned long database = strtoul(entry->d_name, &end, 10);
    if (end == entry->d_name || strcmp(end, kSuffix) != 0) continue;
    if (!exists(static_cast<Oid>(database), argument)) {
      RemoveDeadLetterSpool(static_cast<Oid>(database));
    }
  }
  FreeDir(directory);
}

}  // namespace fraiseql::pg
