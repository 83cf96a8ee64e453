// SPDX-License-Identifier: PostgreSQL
#pragma once

// The part of check() that reads files and talks to the broker.

#include <string>

#include "core/base/status.h"
#include "pg/call/process_functions.h"
#include "pg/settings/config_files.h"

namespace fraiseql::pg {

// For one stream; the argument is "t" for the default one, with which the files are checked.  Rows
// of four fields are findings: level, object, what, what to do.  Rows of two are facts, for the
// checks that the session makes: "subject_prefix" and "topic_prefix"; "answers" if the broker can
// be used, and "fails" if it cannot; "subjects" if it has the stream; and "allowed" and "denied"
// subjects if the user is restricted.
Status BeginCheck(const ProcessCall& call, const LoadedConfig& loaded, std::string* rows,
                  BrokerWork* work);

}  // namespace fraiseql::pg
