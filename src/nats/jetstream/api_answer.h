// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>

#include "core/base/status.h"
#include "nats/base/server_json.h"

namespace fraiseql::nats {

// The answer of the JetStream API to a request.
struct ApiAnswer {
  Json body;         // an object, unless the answer is not one
  int err_code = 0;  // JetStream's code, if it refuses
  Status status;     // ok: JetStream has done it
};

// `what` begins the text of an error: 'stream "orders"'.
ApiAnswer ParseApiAnswer(std::string_view data, std::string_view what);

// The answer lacks the needed values, or they are invalid.
Status NotUnderstood(std::string_view what);

}  // namespace fraiseql::nats
