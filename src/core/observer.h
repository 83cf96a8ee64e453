// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/change.h"
#include "core/subject.h"

namespace fraiseql {

// What a payload looks like.
enum class Format : uint8_t {
  kFraiseql,  // FraiseQL's documented envelope
  kRow,       // the bare row
};

// False if there is no format of this name.
bool ParseFormat(std::string_view name, Format* format);

// "INSERT" etc. in any case; false if there is no such operation.
bool ParseOperation(std::string_view name, Operation* operation);

// A configured rule: which changes of which table go where, and in which shape.
struct Observer {
  std::string name;       // unique in the database
  uint32_t relation = 0;  // OID of the table; of a partitioned table: all its partitions
  OperationSet operations = kAllOperations;
  SubjectTemplate subject;  // empty: the default for rows, {subject_prefix}.{entity}.{op}
  Format format = Format::kFraiseql;
  std::string entity;                // empty: from the table's name
  std::vector<std::string> columns;  // those that are published; empty: all
};

// The entity of a table: its name without a leading "tb_", in PascalCase (tb_order_item is
// OrderItem).
std::string EntityOfTable(std::string_view table);

}  // namespace fraiseql
