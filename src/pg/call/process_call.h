// SPDX-License-Identifier: PostgreSQL
#pragma once

// Calls that another process makes for a session: a session runs no thread of ours or of a library,
// reads no file and does not talk to the broker.  The process lives for one call, is connected to
// no database, and ends as soon as the session does.  Include after postgres.h.

#include "core/base/text_rows.h"
#include "pg/settings/own_settings.h"

extern "C" {
#include "fmgr.h"
#include "port/atomics.h"
}

namespace fraiseql::pg {

constexpr char kCallType[] = "fraiseql_nats call";  // its backend_type in pg_stat_activity

// The memory that session and process share: the request, followed by the queue for the answer.
struct CallSegment {
  pg_atomic_uint32 abandoned;  // the session no longer waits for the answer
  Size request_size;
  char request[FLEXIBLE_ARRAY_MEMBER];
};

constexpr Size kCallQueueBytes = 64 * 1024;  // a larger answer is sent in parts
constexpr Size kMaxAnswerBytes = 16 * 1024 * 1024;

inline Size CallQueueOffset(Size request_size) {
  return MAXALIGN(offsetof(CallSegment, request) + request_size);
}

// Makes another process call one of the functions of process_functions.h, and waits for its rows,
// which stay valid until the current memory context is reset.  Arguments are UTF-8; null: absent.
// At most a quarter of the server's background workers make calls at once; further calls wait.  A
// cancel, a timeout and the end of the session interrupt the wait.  Raises the function's error,
// and an error if no process can be started.
// `own_settings`: the own settings of the stream that the call is for; null: none.
TextRowReader CallProcess(const char* function, const char* const* arguments = nullptr,
                          int count = 0, const OwnSettings* own_settings = nullptr);

// Makes the rows the result of a set-returning function; texts are input for its columns' types.
void ReturnRows(FunctionCallInfo fcinfo, TextRowReader rows);

}  // namespace fraiseql::pg
