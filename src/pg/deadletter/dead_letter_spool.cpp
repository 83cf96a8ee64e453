// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <cinttypes>

extern "C" {
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/timestamp.h"
}

#include "pg/deadletter/dead_letter_spool.h"
#include "pg/base/unix_time.h"

namespace fraiseql::pg {

namespace {

constexpr char kDirectory[] = "fraiseql_nats";
constexpr char kSuffix[] = ".dead_letters";
constexpr char kDamagedSuffix[] = ".dead_letters.damaged";
constexpr size_t kKeptCapacity = 64 * 1024;
constexpr size_t kChunk = 64 * 1024;

std::string PathOf(const WorkerKey& worker, const char* suffix) {
  std::string path = std::string(kDirectory) + "/" + std::to_string(worker.database);
  if (worker.stream != kDefaultStream) path += "_" + std::to_string(worker.stream);
  return path + suffix;
}

// The inverse of PathOf(); false if the file has another name.
bool ParseName(const char* name, WorkerKey* worker) {
  char* end = nullptr;
  worker->database = static_cast<Oid>(strtoul(name, &end, 10));
  if (end == name) return false;
  worker->stream = kDefaultStream;
  if (*end == '_') worker->stream = static_cast<int32>(strtol(end + 1, &end, 10));
  return strcmp(end, kSuffix) == 0 || strcmp(end, kDamagedSuffix) == 0;
}

bool WriteAll(int file, std::string_view data, off_t at) {
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
    errno = 0;
    const ssize_t got = pread(file, data + done, size - done, at + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (errno == 0) errno = EIO;  // the file has become shorter
      return false;
    }
    done += static_cast<size_t>(got);
  }
  return true;
}

// Appends the bytes from `begin` to `end` to the other file.
bool CopyBytes(int from, uint64_t begin, uint64_t end, int to, off_t* to_end) {
  std::string chunk;
  while (begin < end) {
    chunk.resize(static_cast<size_t>(std::min<uint64_t>(end - begin, kChunk)));
    if (!ReadAll(from, chunk.data(), chunk.size(), static_cast<off_t>(begin)) ||
        !WriteAll(to, chunk, *to_end)) {
      return false;
    }
    begin += chunk.size();
    *to_end += static_cast<off_t>(chunk.size());
  }
  return true;
}

[[noreturn]] void RaiseFileError(const char* action, const std::string& path) {
  ereport(ERROR, (errcode_for_file_access(),
                  errmsg("could not %s file \"%s\": %m", action, path.c_str())));
  pg_unreachable();
}

}  // namespace

DeadLetterSpool::DeadLetterSpool(const WorkerKey& worker)
    : path_(PathOf(worker, kSuffix)),
      damaged_path_(PathOf(worker, kDamagedSuffix)),
      reader_([this](uint64_t at, size_t size, char* to) {
        return ReadAll(file_, to, size, static_cast<off_t>(at));
      }) {}

Status DeadLetterSpool::Open() {
  const bool made = MakePGDirectory(kDirectory) == 0;
  if (file_ < 0 && (made || errno == EEXIST)) {
    file_ = BasicOpenFile(path_.c_str(), O_RDWR | O_CREAT | PG_BINARY);
    if (file_ >= 0) ReserveExternalFD();
  }
  struct stat status;
  if (file_ < 0 || fsync_fname_ext(kDirectory, true, false, LOG) != 0 ||
      fsync_fname_ext(".", true, false, LOG) != 0 || fstat(file_, &status) != 0) {
    return FileTrouble("open", path_);
  }
  bool damaged = false;
  Status opened = LookThrough(status.st_size, &damaged);
  if (opened.ok() && damaged) opened = SetDamageAside(status.st_size);
  if (opened.ok()) LookForDamage();
  return opened;
}

// Finds the end of the last dead letter, and truncates what a crash has left after it.
Status DeadLetterSpool::LookThrough(off_t size, bool* damaged) {
  end_ = 0;
  reader_.Seek(0, static_cast<uint64_t>(size));
  for (;;) {
    switch (reader_.Next()) {
      case SpoolReader::Part::kFrame:
        end_ = static_cast<off_t>(reader_.end());
        break;
      case SpoolReader::Part::kDamaged:
        *damaged = true;
        break;
      case SpoolReader::Part::kUnfinished:
        ereport(LOG, (errmsg("file \"%s\" ends with an unfinished dead letter", path_.c_str()),
                      errdetail("Its message was not settled, and is published again.")));
        if (*damaged || ftruncate(file_, end_) == 0) return Status::Ok();
        return FileTrouble("truncate", path_);
      case SpoolReader::Part::kEnd:
        return Status::Ok();
      case SpoolReader::Part::kFailed:
        return FileTrouble("read", path_);
    }
  }
}

// Replaces the file by one with the valid dead letters only, and appends the rest to the file for
// damage.
Status DeadLetterSpool::SetDamageAside(off_t size) {
  const std::string fresh_path = path_ + ".tmp";
  const int fresh = BasicOpenFile(fresh_path.c_str(), O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
  const int aside = BasicOpenFile(damaged_path_.c_str(), O_WRONLY | O_CREAT | PG_BINARY);
  off_t fresh_end = 0;
  off_t aside_end = aside >= 0 ? lseek(aside, 0, SEEK_END) : 0;
  bool done = fresh >= 0 && aside >= 0 && aside_end >= 0;
  reader_.Seek(0, static_cast<uint64_t>(size));
  for (SpoolReader::Part part; done && (part = reader_.Next()) != SpoolReader::Part::kEnd;) {
    const bool frame = part == SpoolReader::Part::kFrame;
    if (part == SpoolReader::Part::kUnfinished) break;
    done = part != SpoolReader::Part::kFailed &&
           CopyBytes(file_, reader_.begin(), reader_.end(), frame ? fresh : aside,
                     frame ? &fresh_end : &aside_end);
  }
  done = done && pg_fsync(aside) == 0 && pg_fsync(fresh) == 0 &&
         rename(fresh_path.c_str(), path_.c_str()) == 0 &&
         fsync_fname_ext(kDirectory, true, false, LOG) == 0;
  Status result = done ? Status::Ok() : FileTrouble("move the damaged part of", path_);
  if (aside >= 0) close(aside);
  if (fresh >= 0) close(done ? file_ : fresh);
  if (!done) {
    (void)unlink(fresh_path.c_str());
    return result;
  }
  file_ = fresh;
  end_ = fresh_end;
  return result;
}

// Raises an alarm as long as the file exists.
void DeadLetterSpool::LookForDamage() {
  struct stat status;
  if (stat(damaged_path_.c_str(), &status) != 0) return;
  damage_ = Status::Unavailable(
      "file \"" + damaged_path_ + "\" holds " + std::to_string(status.st_size) +
          " bytes of dead letters that are damaged",
      "Their messages may be neither published nor in fraiseql_nats.dead_letter. Examine the file, "
      "check the disk, and remove the file.");
}

// A status with the error in errno.
Status DeadLetterSpool::FileTrouble(const char* action, const std::string& path) {
  const std::string error = strerror(errno);
  return Status::Unavailable(
      "could not " + std::string(action) + " file \"" + path + "\" for dead letters: " + error,
      "Check the file system of the data directory; the worker retries.");
}

Status DeadLetterSpool::Store(const Message& message, const Status& reason) {
  frame_.assign(kFrameHeader, '\0');
  AppendDeadLetter(message, reason, UnixNowUs(), &frame_);
  SealFrame(&frame_);
  const bool first = empty();
  Status kept = Append();
  if (frame_.capacity() > kKeptCapacity) std::string().swap(frame_);
  if (!kept.ok()) return kept;
  last_reason_ = reason;
  if (first) Log(message);
  return kept;
}

// Logs one line for all dead letters that are written before the next move to the table.
void DeadLetterSpool::Log(const Message& message) const {
  ereport(LOG, (errmsg("message is a dead letter: %s", last_reason_.message().c_str()),
                errdetail("Its subject is \"%.200s\", its payload has %zu bytes.",
                          message.subject.c_str(), message.payload.size()),
                last_reason_.hint().empty() ? 0 : errhint("%s", last_reason_.hint().c_str())));
}

Status DeadLetterSpool::Append() {
  if (!WriteAll(file_, frame_, end_)) {
    Status trouble = FileTrouble("write", path_);
    // If this fails too, the bytes after the end are overwritten, or truncated as unfinished.
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
  reader_.Seek(static_cast<uint64_t>(read_), static_cast<uint64_t>(end_));
  const SpoolReader::Part part = reader_.Next();
  if (part == SpoolReader::Part::kEnd) return false;
  if (part != SpoolReader::Part::kFrame || !ParseDeadLetter(reader_.record(), record)) {
    ereport(ERROR,
            (errcode(ERRCODE_DATA_CORRUPTED), errmsg("file \"%s\" is damaged", path_.c_str()),
             errdetail("There is no valid dead letter at byte %" PRId64 ".",
                       static_cast<int64_t>(read_)),
             errhint("The worker restarts, and moves the damaged part to another file.")));
  }
  read_ = static_cast<off_t>(reader_.end());
  return true;
}

void DeadLetterSpool::Forget() {
  stored_ = read_;
  if (!empty()) return;
  if (ftruncate(file_, 0) != 0 || pg_fsync(file_) != 0) RaiseFileError("truncate", path_);
  stored_ = read_ = end_ = 0;
  dirty_ = false;
}

void RemoveDeadLetterSpool(const WorkerKey& worker) {
  for (const char* suffix : {kSuffix, kDamagedSuffix}) {
    const std::string path = PathOf(worker, suffix);
    if (unlink(path.c_str()) == 0 || errno == ENOENT) continue;
    ereport(LOG,
            (errcode_for_file_access(), errmsg("could not remove file \"%s\": %m", path.c_str())));
  }
}

void RemoveDeadLetterSpools(bool (*exists)(Oid database, const void* argument),
                            const void* argument) {
  DIR* directory = AllocateDir(kDirectory);
  if (directory == nullptr) return;
  while (const dirent* entry = ReadDirExtended(directory, kDirectory, LOG)) {
    WorkerKey worker;
    if (!ParseName(entry->d_name, &worker) || exists(worker.database, argument)) continue;
    RemoveDeadLetterSpool(worker);
  }
  FreeDir(directory);
}

}  // namespace fraiseql::pg
