// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/change/change.h"
#include "core/format/envelope.h"
#include "core/change/message.h"
#include "core/route/router.h"
#include "core/base/status.h"

namespace fraiseql {

// Builds the message of one change for one of its routes: subject, headers, and the payload in the
// observer's format (core/format/format.h).
//
// The caller sets `message->position`.  kRejected: the resulting subject cannot be used.
Status BuildEvent(const Origin& origin, const TransactionHeaders& transaction, const Route& route,
                  const Change& change, Message* message);

// Builds the message of a notification for one of its observers: the payload as it was sent, except
// for what Origin::notify_enrich adds to a JSON object.  An empty `message_id` stands for the id of
// the position.
Status BuildNotification(const Origin& origin, const TransactionHeaders& transaction,
                         const Observer& observer, std::string_view channel,
                         std::string_view payload, std::string_view message_id, Message* message);

}  // namespace fraiseql
