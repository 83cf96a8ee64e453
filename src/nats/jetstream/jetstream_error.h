// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string_view>

#include "core/base/status.h"

namespace fraiseql::nats {

// An error that JetStream returns for a request.
struct JetStreamError {
  int code = 0;                  // as in HTTP
  int err_code = 0;              // JetStream's own code; 0: unknown
  std::string_view description;  // the server's text; not owned
};

constexpr int kConsumerNotFound = 10014;
constexpr int kConsumersExhausted = 10026;
constexpr int kMessageNotFound = 10037;
constexpr int kStreamNameInUse = 10058;
constexpr int kStreamNotFound = 10059;
constexpr int kSubjectsOverlap = 10065;
constexpr int kWrongLastSequence = 10071;
constexpr int kMessageBeingStored = 10158;  // with the same id
constexpr int kBatchesDisabled = 10205;
constexpr int kUnknownBatch = 10208;

// The stream's last message, or its last sequence, is not the one that the refused message expects.
bool IsWrongExpectation(const JetStreamError& error);

// The server or the account lacks JetStream, or the stream does not exist there; another server may
// have it.
bool IsMissingHere(int err_code);

// The code of the Status says how to proceed: retry (kUnavailable), change the configuration
// (kInvalid), or give up this one message (kRejected).  `what` begins the text: 'stream "orders"'.
Status ToStatus(const JetStreamError& error, std::string_view what);

}  // namespace fraiseql::nats
