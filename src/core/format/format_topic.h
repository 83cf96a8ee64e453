// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>

#include "core/format/format.h"

namespace fraiseql {

// The format of a topic's notifications: type, timestamp, ids and columns side by side.  The wire
// contract:
//
//   {"type":TYPE,"timestamp":T,"<entity>_id":ID {,COLUMN:V} {,"new_COLUMN":V,"previous_COLUMN":V},
//    "data":ROW [,"unchanged":[COLUMN,...]]}
//
//   TYPE       of the topic; without a topic, entity and operation: order.insert
//   ID, ROW    see core/format/format.h
//   COLUMN     the columns of the row but its key and but names that the envelope uses; then, of an
//              UPDATE whose old values are logged, the columns that differ
//   unchanged  the columns left out of an UPDATE's row because their TOAST value was not touched
void AppendTopicPayload(const RowEvent& event, std::string* out);
void AppendTopicSchema(const SchemaInput& input, std::string* out);

}  // namespace fraiseql
