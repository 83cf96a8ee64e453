// SPDX-License-Identifier: PostgreSQL
#pragma once

// The functions that the process of a session's call can run.

#include <functional>
#include <string>
#include <vector>

#include "config/config_problem.h"
#include "core/base/status.h"
#include "core/base/text_rows.h"
#include "pg/settings/own_settings.h"

namespace fraiseql::pg {

struct ProcessCall {
  std::string function;
  std::string database;  // of the session
  std::string session;   // its process id
  TextRow arguments;
  OwnSettings own_settings;  // of the stream
};

// The part of a call that talks to the broker: runs in a thread, because it blocks.  Appends the
// rows.
using BrokerWork = std::function<Status(std::string* rows)>;

// Reads FraiseQL's files.  For a function that needs the broker, applies their settings and returns
// the work for the thread; for others, appends the rows.  Main thread of the process.
Status BeginCall(const ProcessCall& call, std::string* rows, BrokerWork* work);

// Appends a row of validate_config() for each problem.
void AppendConfigProblems(const ConfigProblems& problems, std::string* rows);

}  // namespace fraiseql::pg
