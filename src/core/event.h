// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/change.h"
#include "core/envelope.h"
#include "core/message.h"
#include "core/router.h"
#include "core/status.h"

namespace fraiseql {

// Builds the message of one change for one of its routes: subject, headers, payload.  The wire
// contract of row changes lives here:
//
//   fraiseql := {"event":OP,"entity":E,"entity_id":ID,"subject":S,"timestamp":T,"data":ROW
//                [,"changes":{COLUMN:{"old":V,"new":V},...}] [,"unchanged":[COLUMN,...]]}
//   row      := ROW, and for TRUNCATE null
//
//   ROW        the row after the change; of a DELETE the old row, or as much of it as was logged;
//              null for TRUNCATE.  Columns not logged are left out.
//   ID         the column "id", else the key (several columns joined by ':'), as a string; null
//              when it is null or was not logged
//   changes    of an UPDATE whose old values are logged: the columns that differ
//   unchanged  the columns left out of an UPDATE's row because their TOAST value was not touched
//
// `message->position` is set by the caller.  kRejected: the subject that came out cannot be used.
Status BuildEvent(const Origin& origin, const TransactionHeaders& transaction, const Route& route,
                  const Change& change, Message* message);

}  // namespace fraiseql
