// SPDX-License-Identifier: PostgreSQL
#pragma once

// Include after postgres.h.

extern "C" {
#include "access/xlogdefs.h"
}

namespace fraiseql::pg {

// How far the log can be decoded: flushed on a primary, replayed on a standby.
XLogRecPtr DecodableLsn();
// The same, and its timeline.
XLogRecPtr DecodableLsn(TimeLineID* timeline);

}  // namespace fraiseql::pg
