// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/change/change.h"
#include "core/change/observer_counts.h"
#include "core/route/condition.h"
#include "core/route/subject.h"

namespace fraiseql {

struct Format;  // core/format/format.h

// Where the messages of a topic come from.
enum class Source : uint8_t {
  kRow,     // from row changes only
  kNotify,  // from notifications only
  kAuto,    // from both; in one transaction a notification replaces the row events
};

bool ParseSource(std::string_view name, Source* source);

// "INSERT" etc. in any case; false if there is no such operation.
bool ParseOperation(std::string_view name, Operation* operation);

// A configured rule: which changes of which table, or which notifications, are published to which
// subject, and in which format.
struct Observer {
  std::string name;       // unique in the database
  uint32_t relation = 0;  // OID of the table; of a partitioned table: all its partitions; or 0
  std::string channel;    // of the notifications; empty: the topic's name, if there is one
  std::string stream;     // receives its messages; empty: the default stream
  std::string topic;      // empty: `subject` determines the subject
  Source source = Source::kRow;
  OperationSet operations = kAllOperations;
  SubjectTemplate subject;           // empty: the default for rows, {subject_prefix}.{entity}.{op}
  const Format* format = nullptr;    // of the payload; null: the default
  std::string entity;                // empty: from the table's name
  std::vector<std::string> columns;  // those that are published; empty: all
  bool local_only = false;           // excludes changes that were replicated to this server
  Condition condition;               // which changes; empty: all
  std::string filter;  // a further condition, as an SQL expression, in UTF-8; empty: all
  ObserverCounts* counts = nullptr;  // null: they are not counted.  Not owned
};

// The entity of a table: its name without a leading "tb_", in PascalCase (tb_order_item is
// OrderItem).
std::string EntityOfTable(std::string_view table);

// The inverse, for names of fields: OrderItem is order_item.
std::string SnakeCase(std::string_view entity);

}  // namespace fraiseql
