// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>

#include "core/format/format.h"

namespace fraiseql {

// FraiseQL's documented envelope.  The wire contract:
//
//   {"id":UUID,"event":OP,"event_type":KIND,"entity":E,"entity_type":E,"entity_id":ID,"subject":S,
//    "timestamp":T,"data":ROW
//    [,"changes":{COLUMN:{"old":V,"new":V},...}] [,"unchanged":[COLUMN,...]]}
//
//   UUID       of version 5, of the Nats-Msg-Id in the namespace of object identifiers
//   KIND       INSERT, UPDATE, DELETE, or CUSTOM for all else.  id, event_type, entity_type,
//              entity_id, data, changes and timestamp are what FraiseQL's consumers decode
//   ID, ROW    see core/format/format.h
//   changes    of an UPDATE whose old values are logged: the columns that differ
//   unchanged  the columns left out of an UPDATE's row because their TOAST value was not touched
void AppendFraiseqlPayload(const RowEvent& event, std::string* out);
void AppendFraiseqlSchema(const SchemaInput& input, std::string* out);

}  // namespace fraiseql
