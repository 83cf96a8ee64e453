// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/base/status.h"

namespace fraiseql::pg {

// The settings that say where the broker is, who we are there, and how to talk to it.
void DefineBrokerSettings();

// The path of a file: superusers only see it.
void DefineFileSetting(const char* name, const char* short_desc, const char* long_desc,
                       char** variable, const char* value = "");

// For check hooks.  They run in any process, also in the postmaster: they may not raise, and what
// they allocate for the value is of malloc.  They report by errdetail and errhint and return false,
// as this does; true if the status is ok.
bool Accept(const Status& status);

}  // namespace fraiseql::pg
