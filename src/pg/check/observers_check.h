// SPDX-License-Identifier: PostgreSQL
#pragma once

// What check() finds in the observers of this database.  Include after postgres.h.

#include <vector>

#include "pg/check/broker_facts.h"
#include "pg/check/findings.h"

namespace fraiseql::pg {

// Checks each enabled observer against its table and its stream, and the declared observers that do
// not exist.  May not be called with the rights of a user who may not read the tables.
void CheckObservers(Findings* findings, const std::vector<StreamAtBroker>& streams);

}  // namespace fraiseql::pg
