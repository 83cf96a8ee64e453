// SPDX-License-Identifier: PostgreSQL
#pragma once

// What a record of the log is to decoding.  Include after postgres.h.

extern "C" {
#include "access/xlogreader.h"
}

namespace fraiseql::pg {

// Whether it has nothing that is decoded.
bool HasNothing(XLogReaderState* record);

// Whether Postgres, in decoding it, does nothing but note its transaction.
bool HasNoDecoder(XLogReaderState* record);

// How many changes of rows an output plugin is given for the record, if it is of a table that is
// logged and no TOAST table; negative: other records decide.  (See decode.c and
// ReorderBufferProcessTXN().)
int CountChanges(XLogReaderState* record);

// The end of a transaction, of which the record may be that of a prepared one.
enum class TransactionEnd : uint8_t { kNone, kCommit, kAbort };
TransactionEnd EndIn(XLogReaderState* record, TransactionId* xid);

}  // namespace fraiseql::pg
