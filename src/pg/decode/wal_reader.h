// SPDX-License-Identifier: PostgreSQL
#pragma once

// Reads the log of this server in this process, from a replication slot's position, into a Decoder.
// Include after postgres.h.

#include "pg/decode/decoder.h"

extern "C" {
#include "access/xlogdefs.h"
#include "access/xlogreader.h"
}

namespace fraiseql::pg {

// Holds no transaction and no snapshot between records.  Plain data: an error may longjmp over it.
class WalReader {
 public:
  // Opens the slot that this process has acquired.  `decoder` is not owned.  May raise.
  void Open(Decoder* decoder);
  void Close();

  // Decodes the next record if it is completely flushed, which may pass whole transactions to the
  // decoder.  False if there is none yet.  May raise.
  bool DecodeNext();

  // End of the last decoded record: earlier records will not be passed again.
  XLogRecPtr position() const { return Max(context_->reader->EndRecPtr, resumes_at_); }

  // There is more log, but standbys that may take the slot over do not have it yet.  No event
  // reports that they do, so the caller must poll.
  static bool AwaitsStandbys();

  // Whether a record or a change of more than 1 MB was decoded since the last call: its memory is
  // free, but the C library may still hold it.
  static bool GaveBack();

 private:
  void CreateContext();
  void Reread();

  MemoryContext owner_ = nullptr;  // of the context
  LogicalDecodingContext* context_ = nullptr;
  Decoder* decoder_ = nullptr;
  XLogRecPtr resumes_at_ = InvalidXLogRecPtr;  // up to here the log is read once more, or was
  XLogRecPtr readable_ = InvalidXLogRecPtr;    // how far the log was flushed when last asked
};

}  // namespace fraiseql::pg
