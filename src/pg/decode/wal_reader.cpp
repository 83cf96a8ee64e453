// SPDX-License-Identifier: PostgreSQL
#include <utility>

extern "C" {
#include "postgres.h"

#include "access/timeline.h"
#include "access/xlog_internal.h"
#include "access/xlogutils.h"
#include "miscadmin.h"
#include "replication/decode.h"
#include "replication/logical.h"
#include "replication/slot.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
}

#include "pg/base/compat.h"
#include "pg/base/decodable_lsn.h"
#include "pg/decode/wal_reader.h"

namespace fraiseql::pg {

namespace {

// To xlogreader.c, a page of which only the header can be read is one that cannot be read.
constexpr int kSmallestRead = static_cast<int>(SizeOfXLogShortPHD) + 1;

bool awaits_standbys = false;  // at the last page read
bool gave_back = false;        // buffers of a large record or change, since the last GaveBack()

// What was read of the log at once: of a backlog, several pages by one system call.
struct ReadAhead {
  static constexpr XLogRecPtr kSize = 8 * XLOG_BLCKSZ;

  TimeLineID timeline;
  XLogRecPtr begin;
  XLogRecPtr end;  // what was not flushed yet is not used
  char bytes[kSize];
};

ReadAhead read_ahead;  // only pages that are used take memory

// Copies the log from the beginning of a page up to `end`.  It is flushed up to `readable`.
void ReadLog(XLogReaderState* state, XLogRecPtr page, XLogRecPtr end, XLogRecPtr readable,
             char* buffer) {
  ReadAhead& ahead = read_ahead;
  if (page < ahead.begin || end > ahead.end || ahead.timeline != state->currTLI) {
    const XLogRecPtr pages = (readable - page + XLOG_BLCKSZ - 1) / XLOG_BLCKSZ * XLOG_BLCKSZ;
    const XLogRecPtr size = Min(pages, ReadAhead::kSize);
    ahead.end = InvalidXLogRecPtr;
    WALReadError error;
    if (!WALRead(state, ahead.bytes, page, size, state->currTLI, &error)) WALReadRaiseError(&error);
    // The segment may have been recycled during the read: then the pages are of another one.
    XLogSegNo segment;
    XLByteToSeg(page, segment, state->segcxt.ws_segsize);
    CheckXLogRemoved(segment, state->seg.ws_tli);
    ahead.timeline = state->currTLI;
    ahead.begin = page;
    ahead.end = Min(page + size, readable);
  }
  memcpy(buffer, ahead.bytes + (page - ahead.begin), end - page);
}

// The page_read of XLogReaderRoutine.  Does not wait: it fails for a page that is not flushed as
// far as required, and the caller retries when there is more log.  (The flush position may lie
// inside a record, so the caller cannot know before.)
int ReadPage(XLogReaderState* state, XLogRecPtr page, int required, XLogRecPtr, char* buffer) {
  TimeLineID timeline = 0;
  XLogRecPtr readable = DecodableLsn(&timeline);
  XLogReadDetermineTimeline(state, page, static_cast<uint32>(required), timeline);
  if (state->currTLI != timeline) readable = state->currTLIValidUntil;
  awaits_standbys = false;
  if (readable < page + static_cast<XLogRecPtr>(required)) return -1;
  int count = page + XLOG_BLCKSZ <= readable ? XLOG_BLCKSZ : static_cast<int>(readable - page);
  // Limits the read to what the standbys have: the end of the log may stay ahead of them forever.
  if (!StandbysHave(page + static_cast<XLogRecPtr>(count))) count = Max(required, kSmallestRead);
  awaits_standbys = !StandbysHave(page + static_cast<XLogRecPtr>(count));
  if (awaits_standbys) return -1;
  ReadLog(state, page, page + static_cast<XLogRecPtr>(count), readable, buffer);
  return count;
}

// Postgres keeps these buffers at the size of the largest record and the largest change so far.
// The first is never smaller than allocate_recordbuf() of xlogreader.c makes it; the second is
// allocated when it is null (ReorderBufferSerializeReserve()).
void GiveBackBuffers(LogicalDecodingContext* context) {
  constexpr size_t kKept = 1 << 20;
  constexpr uint32 kSmallest = 5 * Max(BLCKSZ, XLOG_BLCKSZ / 2);
  XLogReaderState* reader = context->reader;
  if (reader->readRecordBufSize > kKept) {
    const MemoryContext owner = GetMemoryChunkContext(reader->readRecordBuf);
    pfree(reader->readRecordBuf);
    reader->readRecordBufSize = kSmallest;
    reader->readRecordBuf = static_cast<char*>(MemoryContextAlloc(owner, kSmallest));
    gave_back = true;
  }
  ReorderBuffer* buffer = context->reorder;
  if (buffer->outbufsize > kKept) {
    pfree(buffer->outbuf);
    buffer->outbuf = nullptr;
    buffer->outbufsize = 0;
    gave_back = true;
  }
}

// A slab gives back a block as soon as it is empty, and sets up each chunk of the next one: with
// small transactions that is a block for each.  A chunk that is never used keeps one block there.
void KeepBlocks(ReorderBuffer* buffer) {
  (void)MemoryContextAlloc(buffer->txn_context, sizeof(ReorderBufferTXN));
  (void)MemoryContextAlloc(buffer->change_context, sizeof(ReorderBufferChange));
}

}  // namespace

bool WalReader::AwaitsStandbys() { return awaits_standbys; }

bool WalReader::GaveBack() { return std::exchange(gave_back, false); }

void WalReader::Open(Decoder* decoder) {
  owner_ = CurrentMemoryContext;
  decoder_ = decoder;
  read_ahead.end = InvalidXLogRecPtr;
  resumes_at_ = InvalidXLogRecPtr;
  CreateContext();
}

void WalReader::CreateContext() {
  XLogReaderRoutine routine{};  // XL_ROUTINE() takes the address of a temporary, which C++ forbids
  routine.page_read = ReadPage;
  routine.segment_open = wal_segment_open;
  routine.segment_close = wal_segment_close;
  const MemoryContext old = MemoryContextSwitchTo(owner_);
  context_ =
      CreateDecodingContext(InvalidXLogRecPtr, NIL, false, &routine, nullptr, nullptr, nullptr);
  MemoryContextSwitchTo(old);
  AttachDecoder(context_, decoder_);
  KeepBlocks(context_->reorder);
  readable_ = InvalidXLogRecPtr;
  XLogBeginRead(context_->reader, MyReplicationSlot->data.restart_lsn);
  // The caches show the present state of the catalogs, but the log starts in the past.
  InvalidateSystemCaches();
}

void WalReader::Close() {
  FreeDecodingContext(context_);
  context_ = nullptr;
  InvalidateSystemCaches();
}

// Decodes the transaction whose commit was read last once more, from its beginning, and this time
// with all of its changes.  Those that committed before it are not decoded again.
void WalReader::Reread() {
  const XLogRecPtr commit = context_->reader->ReadRecPtr;
  ereport(DEBUG1, (errmsg("reading a transaction once more"),
                   errdetail("An observer of a table was made after it had changed the table.")));
  Close();
  CreateContext();
  decoder_->filter().Restart(commit);
  resumes_at_ = commit;
}

bool WalReader::DecodeNext() {
  // Only what is there is asked for: by a read that fails, the reader forgets its page and segment.
  if (context_->reader->EndRecPtr >= readable_) {
    awaits_standbys = false;
    readable_ = DecodableLsn();
    if (context_->reader->EndRecPtr >= readable_) return false;
  }
  char* error = nullptr;
  XLogRecord* record = XLogReadRecord(context_->reader, &error);
  if (error != nullptr) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("could not read the log for decoding: %s", error)));
  }
  if (record == nullptr) return false;
  if (!decoder_->filter().Note(context_->reader)) return true;
  const ResourceOwner owner = CurrentResourceOwner;
  LogicalDecodingProcessRecord(context_, context_->reader);
  if (decoder_->TakeLack()) {
    CurrentResourceOwner = owner;  // decoding a transaction has aborted one of its own
    Reread();
  } else {
    GiveBackBuffers(context_);
  }
  return true;
}

}  // namespace fraiseql::pg
