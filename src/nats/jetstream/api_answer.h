// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>

#include "core/base/status.h"
#include "nats/base/server_json.h"

namespace fraiseql::nats {

// What the JetStream API answers to a request.
struct ApiAnswer {
  Json body;         // an object, unless the answer is none
  int err_code = 0;  // of JetStream, if it refuses
  Status status;     // ok: done
};

// `what` begins the text of an error: 'stream "orders"'.
ApiAnswer ParseApiAnswer(std::string_view data, std::string_view what);

// It is an object, but what it has to tell is missing or makes no sense.
Status NotUnderstood(std::string_view what);

}  // namespace fraiseql::nats
