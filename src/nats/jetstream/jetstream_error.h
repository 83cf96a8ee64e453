// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// What JetStream says instead of doing what it was asked for.
struct JetStreamError {
  int code = 0;                  // as in HTTP
  int err_code = 0;              // which error it is; 0: unknown
  std::string_view description;  // of the server; not owned
};

constexpr int kConsumerNotFound = 10014;
constexpr int kConsumersExhausted = 10026;
constexpr int kMessageNotFound = 10037;
constexpr int kStreamNameInUse = 10058;
constexpr int kStreamNotFound = 10059;
constexpr int kSubjectsOverlap = 10065;
constexpr int kWrongLastSequence = 10071;
constexpr int kMessageBeingStored = 10158;  // with the same id

// The stream does not end with the message, or at the place, that the refused message expects.
bool IsWrongExpectation(const JetStreamError& error);

// The server, or the account there, has no JetStream, or not this stream; others may.
bool IsMissingHere(int err_code);

// What to do about it: retry (kUnavailable), change something (kInvalid), or give up this one
// message (kRejected).  `what` begins the text: 'stream "orders"'.
Status ToStatus(const JetStreamError& error, std::string_view what);

}  // namespace fraiseql::nats
