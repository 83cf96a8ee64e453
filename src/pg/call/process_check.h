// SPDX-License-Identifier: PostgreSQL
#pragma once

// The part of check() that reads files and talks to the broker.

#include <string>

#include "core/base/status.h"
#include "pg/call/process_functions.h"
#include "pg/settings/config_files.h"

namespace fraiseql::pg {

// For one stream; with the argument "t", checks the files as well.  Rows of four fields are
// findings: level, object, what, what to do.  Rows of two are facts, for the checks that the
// session makes: "subject_prefix" and "topic_prefix"; if the broker can be used, "answers"; if it
// has the stream, "subjects"; and "allowed" and "denied" subjects, if the user is restricted.
Status BeginCheck(const ProcessCall& call, const LoadedConfig& loaded, std::string* rows,
                  BrokerWork* work);

}  // namespace fraiseql::pg
