// SPDX-License-Identifier: PostgreSQL
#pragma once

// fraiseql.toml and fraiseql-observer.toml: read by the processes that need them, as values below
// those that the administrator has set.  Include after postgres.h.

#include <string>
#include <vector>

#include "config/toml_config.h"

namespace fraiseql::pg {

// What the files (and the environment of the postmaster) say now.
struct LoadedConfig {
  Config config;
  std::vector<ConfigProblem> errors;  // then `config` is empty
  std::string fingerprint;            // of all that went in: the same for the same outcome
};

// Reads the files that fraiseql_nats.config_file and observer_config_file name, if they exist: a
// name without a directory is meant below the data directory, and only its default may be absent.
// Raises nothing but out of memory.
void LoadConfig(LoadedConfig* loaded);

// Gives the settings of this process the values from the files, where the administrator has set
// none; with `nest_level` until the end of the current GUC nest level.  A value that Postgres does
// not take is left out and described in the returned status.
Status ApplyConfig(const Config& config, bool nest_level);

// One line for each problem, with hints.
std::string ProblemText(const std::vector<ConfigProblem>& problems);

}  // namespace fraiseql::pg
