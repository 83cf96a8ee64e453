// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "nats/base/names.h"
#include "nats/base/server_json.h"

namespace fraiseql::nats {

class JetStreamClient;

struct ApiAnswer {
  Json body;         // an object if the status is ok; else it may be null
  int err_code = 0;  // of JetStream, if it refuses
  Status status;
};

constexpr int kConsumerNotFound = 10014;
constexpr int kStreamNameInUse = 10058;
constexpr int kWrongLastSequence = 10071;

// Calls `request` ("STREAM.INFO.orders") of the JetStream API; a null `body` is none.  `what`
// begins the text of an error: 'stream "orders"'.
ApiAnswer CallApi(JetStreamClient* js, const std::string& request, const Json& body,
                  std::string_view what);

}  // namespace fraiseql::nats
