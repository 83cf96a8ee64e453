// SPDX-License-Identifier: PostgreSQL
extern "C" {
#include "postgres.h"

#include "access/rmgr.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogreader.h"
#include "access/xlogutils.h"
#include "miscadmin.h"
#include "utils/timestamp.h"
}

#include "pg/base/compat.h"
#include "pg/slot/log_age.h"

namespace fraiseql::pg {

namespace {

constexpr XLogRecPtr kMostBytes = 16 * 1024 * 1024;

bool IsCommit(XLogReaderState* reader, xl_xact_parsed_commit* parsed) {
  if (XLogRecGetRmid(reader) != RM_XACT_ID) return false;
  const uint8 info = XLogRecGetInfo(reader);
  const uint8 kind = info & XLOG_XACT_OPMASK;
  if (kind != XLOG_XACT_COMMIT && kind != XLOG_XACT_COMMIT_PREPARED) return false;
  ParseCommitRecord(info, reinterpret_cast<xl_xact_commit*>(XLogRecGetData(reader)), parsed);
  return true;
}

bool IsRemoved(XLogRecPtr lsn) {
  XLogSegNo segment;
  XLByteToSeg(lsn, segment, wal_segment_size);
  return segment <= XLogGetLastRemovedSegno();
}

}  // namespace

TimestampTz FirstCommitFrom(Oid database, XLogRecPtr from, XLogRecPtr upto) {
  if (XLogRecPtrIsInvalid(from) || from >= upto || IsRemoved(from)) return 0;
  XLogReaderRoutine routine{};
  routine.page_read = read_local_xlog_page_no_wait;
  routine.segment_open = wal_segment_open;
  routine.segment_close = wal_segment_close;
  ReadLocalXLogPageNoWaitPrivate end{};
  XLogReaderState* reader = XLogReaderAllocate(wal_segment_size, nullptr, &routine, &end);
  if (reader == nullptr) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  TimestampTz found = 0;
  TimestampTz others = PgStartTime;
  bool cut_short = false;
  const XLogRecPtr first = FindNextRecord(reader, from);
  char* error = nullptr;
  while (!XLogRecPtrIsInvalid(first) && found == 0 && XLogReadRecord(reader, &error) != nullptr &&
         reader->ReadRecPtr < upto) {
    CHECK_FOR_INTERRUPTS();
    xl_xact_parsed_commit parsed;
    if (IsCommit(reader, &parsed)) {
      others = parsed.xact_time;
      if (parsed.dbId == database) found = parsed.xact_time;
    }
    cut_short = reader->EndRecPtr > from + kMostBytes;
    if (cut_short) break;
  }
  XLogReaderFree(reader);
  return found == 0 && cut_short ? others : found;
}

}  // namespace fraiseql::pg
