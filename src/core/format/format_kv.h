// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>

#include "core/base/status.h"
#include "core/format/format.h"

namespace fraiseql {

// The rows of a table as the values of a bucket (see core/route/bucket.h).  The wire contract, that
// of ADR-8: the subject is $KV.<bucket>.<key>.  A row that exists is a message with ROW as payload;
// one that is deleted has no payload and the header KV-Operation: DEL.  TRUNCATE is one message
// with the key "=TRUNCATE" and KV-Operation: PURGE, before which the stream keeps
// nothing.
void AppendKvPayload(const RowEvent& event, std::string* out);
void AppendKvSchema(const SchemaInput& input, std::string* out);
const std::string* AppendKvSubject(const Route& route, const Change& change, std::string* out);
void AppendKvHeaders(const Change& change, std::string* out);

// kRejected if a value of the row is not in the log, so that the bucket would get half a row, and
// for TRUNCATE of a partition: which keys are gone is not known.
Status CheckKv(const Route& route, const Change& change);

// Whether an update has changed the key of the row: the old key must be deleted.
bool IsKeyChanged(const Change& change);

}  // namespace fraiseql
