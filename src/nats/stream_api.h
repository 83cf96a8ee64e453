// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/status.h"
#include "nats/broker_settings.h"

namespace fraiseql::nats {

// Requests of the JetStream API that concern a stream, as subject and body, and their answers.

std::string StreamInfoSubject(std::string_view stream);
std::string StreamCreateSubject(std::string_view stream);

// The body of a create request; limits that the settings do not name are the server's defaults.
std::string StreamConfig(const StreamSettings& settings);

struct ApiReply {
  bool not_found = false;  // the stream; then `status` is not ok, too
  Status status;           // ok: done
};

// `what` begins the text of an error: 'stream "orders"'.
ApiReply ParseApiReply(std::string_view data, std::string_view what);

}  // namespace fraiseql::nats
