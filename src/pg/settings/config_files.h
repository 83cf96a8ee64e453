// SPDX-License-Identifier: PostgreSQL
#pragma once

// fraiseql.toml and fraiseql-observer.toml: our processes read them, sessions never do; values that
// the administrator has set override them.  Include after postgres.h.

#include <string>
#include <vector>

#include "config/toml_config.h"

namespace fraiseql::pg {

// The content of the files, with the environment of the postmaster.
struct LoadedConfig {
  Config config;
  std::vector<ConfigProblem> errors;  // if not empty, `config` is empty
  std::string fingerprint;            // of everything that was read: equal for equal results
};

// Reads the files that fraiseql_nats.config_file and observer_config_file name, if they exist.  A
// relative path is below the data directory; only a file of the default name may be missing.
// Accepts regular files of at most 1 MB; anything else is an error.  Does not wait, and raises
// nothing but out of memory.
void LoadConfig(LoadedConfig* loaded);

// Applies the values from the files to the settings of this process, which must not be a session,
// where the administrator has set none.  Leaves out a value that Postgres refuses, and describes it
// in the returned status.
Status ApplyConfig(const Config& config);

// One line for each problem, with hints.
std::string ProblemText(const std::vector<ConfigProblem>& problems);

}  // namespace fraiseql::pg
