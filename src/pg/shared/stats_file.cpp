// SPDX-License-Identifier: PostgreSQL
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>

extern "C" {
#include "postgres.h"

#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
}

#include "pg/shared/shmem.h"
#include "pg/shared/stats_file.h"

namespace fraiseql::pg {

namespace {

constexpr char kPath[] = PGSTAT_STAT_PERMANENT_DIRECTORY "/fraiseql_nats.stat";
constexpr char kTemporary[] = PGSTAT_STAT_PERMANENT_DIRECTORY "/fraiseql_nats.stat.tmp";

// The file is read by the library that wrote it, or not at all: its first number changes with what
// follows.
struct Header {
  uint32 format;
  int32 streams;
  int32 observers;
};
constexpr uint32 kFormat =
    0x66730100 ^ static_cast<uint32>(sizeof(StreamStats) * 4096 + sizeof(ObserverStats));

// A file, and the checksum of what was written or read so far.
class ChecksummedFile {
 public:
  ChecksummedFile(const char* path, const char* mode) : file_(AllocateFile(path, mode)) {
    INIT_CRC32C(sum_);
  }
  bool is_open() const { return file_ != nullptr; }
  bool Close() { return FreeFile(file_) == 0; }

  template <typename T>
  bool Write(const T& item) {
    COMP_CRC32C(sum_, &item, sizeof(item));
    return fwrite(&item, sizeof(item), 1, file_) == 1;
  }
  template <typename T>
  bool Read(T* item) {
    if (fread(static_cast<void*>(item), sizeof(*item), 1, file_) != 1) return false;
    COMP_CRC32C(sum_, item, sizeof(*item));
    return true;
  }
  bool WriteSum() {
    pg_crc32c sum = sum_;
    FIN_CRC32C(sum);
    return Write(sum);
  }
  bool ReadSum() {
    pg_crc32c sum = sum_;
    FIN_CRC32C(sum);
    pg_crc32c found = 0;
    return Read(&found) && EQ_CRC32C(sum, found);
  }

 private:
  FILE* const file_;
  pg_crc32c sum_;
};

bool IsUsed(const StreamStats& stats) { return OidIsValid(stats.key.database); }
bool IsUsed(const ObserverStats& stats) {
  return OidIsValid(stats.key.database) && stats.name[0] != '\0';
}

template <typename Stats>
int CountUsed(const Stats* all, int count) {
  return static_cast<int>(
      std::count_if(all, all + count, [](const Stats& stats) { return IsUsed(stats); }));
}

template <typename Stats>
bool WriteUsed(const Stats* all, int count, ChecksummedFile* file) {
  return std::all_of(all, all + count,
                     [=](const Stats& stats) { return !IsUsed(stats) || file->Write(stats); });
}

// Those for which there is no room any more, because fraiseql_nats.max_workers was decreased, are
// dropped.
template <typename Stats>
bool ReadAll(int count, Stats* to, int room, ChecksummedFile* file) {
  for (int i = 0; i < count; ++i) {
    Stats stats;
    if (!file->Read(&stats)) return false;
    if (i >= room) continue;
    stats.name[kStatsNameSize - 1] = '\0';
    stats.counts.Begin(stats.counts.Shown());
    to[i] = stats;
  }
  return true;
}

bool WriteAll(ChecksummedFile* file) {
  const StatsTables& stats = shared->stats;
  const Header header{kFormat, CountUsed(stats.streams, stats.stream_count),
                      CountUsed(stats.observers, stats.observer_count)};
  return file->Write(header) && WriteUsed(stats.streams, stats.stream_count, file) &&
         WriteUsed(stats.observers, stats.observer_count, file) && file->WriteSum();
}

bool ReadAll(ChecksummedFile* file) {
  const StatsTables& stats = shared->stats;
  Header header;
  return file->Read(&header) && header.format == kFormat &&
         ReadAll(header.streams, stats.streams, stats.stream_count, file) &&
         ReadAll(header.observers, stats.observers, stats.observer_count, file) && file->ReadSum();
}

// An immediate stop ends the postmaster as a clean one does, but the server recovers from it as
// from a crash.
bool WasShutDown() {
  bool is_valid = false;
  ControlFileData* control = get_controlfile(DataDir, &is_valid);
  const DBState state = control->state;
  pfree(control);
  return is_valid && (state == DB_SHUTDOWNED || state == DB_SHUTDOWNED_IN_RECOVERY);
}

void Read() {
  ChecksummedFile file(kPath, PG_BINARY_R);
  if (!file.is_open()) {
    if (errno == ENOENT) return;
    ereport(LOG, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", kPath)));
    return;
  }
  const bool is_valid = ReadAll(&file);
  (void)file.Close();
  if (is_valid) return;
  ForgetStats();
  ereport(LOG, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid data in file \"%s\"", kPath),
                errdetail("Statistics begin anew.")));
}

}  // namespace

void SaveStats() {
  ChecksummedFile file(kTemporary, PG_BINARY_W);
  bool written = file.is_open() && WriteAll(&file);
  if (file.is_open()) written = file.Close() && written;
  if (!written) {
    ereport(LOG,
            (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", kTemporary)));
    (void)unlink(kTemporary);
    return;
  }
  (void)durable_rename(kTemporary, kPath, LOG);
}

void LoadStats() {
  if (WasShutDown()) Read();
  (void)unlink(kPath);
}

}  // namespace fraiseql::pg
