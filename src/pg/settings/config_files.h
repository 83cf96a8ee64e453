// SPDX-License-Identifier: PostgreSQL
#pragma once

// fraiseql.toml and fraiseql-observer.toml: read by processes of ours, never by a session, as
// values below those that the administrator has set.  Include after postgres.h.

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
// Regular files of at most 1 MB; what is another thing is an error.  Does not wait, and raises
// nothing but out of memory.
void LoadConfig(LoadedConfig* loaded);

// Gives the settings of this process, which is none of a session, the values from the files where
// the administrator has set none.  A value that Postgres does not take is left out and described in
// the returned status.
Status ApplyConfig(const Config& config);

// One line for each problem, with hints.
std::string ProblemText(const std::vector<ConfigProblem>& problems);

}  // namespace fraiseql::pg
