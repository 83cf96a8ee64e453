// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/change/change.h"
#include "core/format/envelope.h"
#include "core/change/message.h"
#include "core/route/router.h"
#include "core/base/status.h"

namespace fraiseql {

// Builds the message of one change for one of its routes: subject, headers, payload.  The wire
// contract of row changes lives here:
//
//   fraiseql := {"id":UUID,"event":OP,"event_type":KIND,"entity":E,"entity_type":E,"entity_id":ID,
//                "subject":S,"timestamp":T,"data":ROW
//                [,"changes":{COLUMN:{"old":V,"new":V},...}] [,"unchanged":[COLUMN,...]]}
//   topic    := {"type":TYPE,"timestamp":T,"<entity>_id":ID {,COLUMN:V}
//                {,"new_COLUMN":V,"previous_COLUMN":V},"data":ROW [,"unchanged":[COLUMN,...]]}
//   row      := ROW, and for TRUNCATE null
//
//   UUID       of version 5, of the Nats-Msg-Id in the namespace of object identifiers
//   KIND       INSERT, UPDATE, DELETE, or CUSTOM for all else.  id, event_type, entity_type,
//              entity_id, data, changes and timestamp are what FraiseQL's consumers decode
//   ROW        the row after the change; of a DELETE the old row, or as much of it as was logged;
//              null for TRUNCATE.  Columns not logged are left out.
//   ID         the column "id", else the key (several columns joined by ':'), as a string; null
//              when it is null or was not logged
//   TYPE       of the topic; without a topic, entity and operation: order.insert
//   COLUMN     in topic: the columns of the row but its key and but names that the envelope uses;
//              then those of `changes`
//   changes    of an UPDATE whose old values are logged: the columns that differ
//   unchanged  the columns left out of an UPDATE's row because their TOAST value was not touched
//
// `message->position` is set by the caller.  kRejected: the subject that came out cannot be used.
Status BuildEvent(const Origin& origin, const TransactionHeaders& transaction, const Route& route,
                  const Change& change, Message* message);

// Builds the message of a notification for one of its observers: the payload as it was sent, but
// for what Origin::notify_enrich adds to a JSON object.  An empty `message_id` stands for that of
// the position.
Status BuildNotification(const Origin& origin, const TransactionHeaders& transaction,
                         const Observer& observer, std::string_view channel,
                         std::string_view payload, std::string_view message_id, Message* message);

}  // namespace fraiseql
