// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "core/base/status.h"

namespace fraiseql {

constexpr size_t kMaxIdentifierBytes = 63;  // Postgres keeps no more of a name

// A table by its names as the catalogs have them.
struct QualifiedName {
  std::string schema = "public";
  std::string table;
};

// Reads a name as SQL spells it: tb_order, sales.tb_order, "Sales"."Order".  Letters outside of
// quotes become small ones, those of ASCII at least.  kInvalid, with a message that stands alone,
// if it is no name of a table, or is longer than Postgres keeps.
Status ParseQualifiedName(std::string_view text, QualifiedName* name);

// The table of a rule: the one that it names, or the one that its entity stands for.
// REQUIRES: the rule has passed its checks.
QualifiedName TableOf(const ObserverRule& rule);

}  // namespace fraiseql
