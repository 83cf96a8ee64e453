// SPDX-License-Identifier: PostgreSQL
#pragma once

// Reads the log of this server in this process, from a replication slot on, into a Decoder.
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

  // Decodes the next record if it is flushed as a whole, which may hand whole transactions to the
  // decoder.  False if there is none yet.  May raise.
  bool DecodeNext();

  // End of the last record decoded: nothing before it will be handed out again.
  XLogRecPtr position() const { return context_->reader->EndRecPtr; }

  // There is more log, but standbys that may take the slot over do not have it yet, and nothing
  // wakes this process when they do: look again soon.
  static bool AwaitsStandbys();

  // There was a record or a change of more than 1 MB since this was last asked: what it took is
  // free again, but may be kept by the C library.
  static bool GaveBack();

 private:
  LogicalDecodingContext* context_ = nullptr;
};

}  // namespace fraiseql::pg
