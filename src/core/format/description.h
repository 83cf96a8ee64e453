// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/format/format.h"
#include "core/route/observer.h"

namespace fraiseql {

// The table of an observer, and what determines the subjects of its stream.
struct DescriptionInput {
  std::string database;
  std::string subject_prefix;
  std::string topic_prefix;
  bool own_id_header = false;   // see Origin
  bool from_log = true;         // row changes are published, too
  bool is_partitioned = false;  // rows are those of its partitions, whose names differ
  Relation relation;            // of an observer of a table
  std::vector<ColumnSchema> columns;
};

// An observer's messages, as parts of an AsyncAPI document (3.0), in JSON.
struct Description {
  std::string address;     // of its channel: the subject, with {name} for what differs
  std::string parameters;  // of the address: an object, or nothing
  std::string messages;    // an object, by name: the operation, or NOTIFY; {}: it publishes nothing
};

Description DescribeObserver(const Observer& observer, const DescriptionInput& input);

}  // namespace fraiseql
