// SPDX-License-Identifier: PostgreSQL
#pragma once

// Calls that a session has made by a process of its own: a session runs no thread, of ours or of a
// library, reads no file and talks to no broker.  The process lives for one call, is connected to
// no database, and leaves as soon as the session does.  Include after postgres.h.

#include "core/base/text_rows.h"
#include "pg/settings/own_settings.h"

extern "C" {
#include "fmgr.h"
#include "port/atomics.h"
}

namespace fraiseql::pg {

constexpr char kCallType[] = "fraiseql_nats call";  // as pg_stat_activity shows the process

// What session and process share: the request, behind it the queue with the answer.
struct CallSegment {
  pg_atomic_uint32 abandoned;  // the session does not wait for the answer any more
  Size request_size;
  char request[FLEXIBLE_ARRAY_MEMBER];
};

constexpr Size kCallQueueBytes = 64 * 1024;  // a larger answer comes in parts
constexpr Size kMaxAnswerBytes = 16 * 1024 * 1024;

inline Size CallQueueOffset(Size request_size) {
  return MAXALIGN(offsetof(CallSegment, request) + request_size);
}

// Has one of the functions of process_functions.h called, and waits for its rows, which stay until
// the current memory context is reset.  Arguments are UTF-8; null: absent.  At most a quarter of
// the server's background workers make calls at once, and others wait for their turn.  Cancel, time
// limits and the end of the session are answered at once.  Raises what the function fails with, and
// if there is no process to be had.
// `own_settings`: of the stream that the call is for; null: none.
TextRowReader CallProcess(const char* function, const char* const* arguments = nullptr,
                          int count = 0, const OwnSettings* own_settings = nullptr);

// Makes the rows the result of a set-returning function; texts are the input of its columns' types.
void ReturnRows(FunctionCallInfo fcinfo, TextRowReader rows);

}  // namespace fraiseql::pg
