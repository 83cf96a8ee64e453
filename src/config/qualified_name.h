// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "core/base/status.h"

namespace fraiseql {

constexpr size_t kMaxIdentifierBytes = 63;  // Postgres truncates longer names

// The names of a table as in the catalogs.
struct QualifiedName {
  std::string schema = "public";
  std::string table;
};

// Reads a name in SQL syntax: tb_order, sales.tb_order, "Sales"."Order".  Letters outside of quotes
// are folded to lower case, at least those of ASCII.  kInvalid, with a complete message, if the
// text is not the name of a table, or is longer than a Postgres name.
Status ParseQualifiedName(std::string_view text, QualifiedName* name);

// The table of a rule: the one that it names, or the one that its entity determines.
// REQUIRES: the rule has passed its checks.
QualifiedName TableOf(const ObserverRule& rule);

}  // namespace fraiseql
