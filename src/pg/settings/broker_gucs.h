// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/base/status.h"

namespace fraiseql::pg {

// Defines the settings for the broker's address, authentication and protocol.
void DefineBrokerSettings();

// Defines a setting for the path of a file, which only superusers can read.
void DefineFileSetting(const char* name, const char* short_desc, const char* long_desc,
                       char** variable, const char* value = "");

// For check hooks.  They run in any process, also in the postmaster: they must not raise, and must
// allocate the value with malloc.  They report by errdetail and errhint and return false; so does
// this function.  True if the status is ok.
bool Accept(const Status& status);

}  // namespace fraiseql::pg
